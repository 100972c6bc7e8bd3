# assignments.tsv (reading=assignments), then kafka-get-offsets of the beginnings (reading=starts) and of the ends
# (reading=ends) → topic, partition, start, end. The tool leaves a partition without a leader out and calls that success.

reading == "assignments" {
    partition[++count] = $1 "\t" $2
    next
}

{
    split($0, field, ":")
    offset[reading, field[1] "\t" field[2]] = field[3]
}

END {
    for (i = 1; i <= count; i++) {
        if ((("starts", partition[i]) in offset) && (("ends", partition[i]) in offset)) {
            print partition[i] "\t" offset["starts", partition[i]] "\t" offset["ends", partition[i]]
        } else {
            print "no offsets of " partition[i] > "/dev/stderr"
            failed = 1
        }
    }
    exit failed
}
