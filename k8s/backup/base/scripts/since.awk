# Finds for each position a time that no record after it is older than: where the log is another one, the group can go on
# from that time and misses nothing.
#
# Times tried, newest first (reading=tried), the offsets at those times as topic, partition, offset, time
# (reading=times), then the positions (reading=groups) → group, topic, partition, offset, log end, time. The time is NOW
# for a group that has read all there is, and "-" where all times tried are too late.

BEGIN { FS = "\t" }

reading == "tried" {
    tried[++count] = $1
    next
}

reading == "times" {
    at[$4, $1, $2] = $3
    next
}

{
    since = $5 ~ /^[0-9]+$/ && $4 + 0 >= $5 + 0 ? NOW : "-"
    for (i = 1; i <= count && since == "-"; i++) {
        key = tried[i] SUBSEP $2 SUBSEP $3
        if (key in at && $4 + 0 >= at[key] + 0) since = tried[i]
    }
    print $0 "\t" since
}
