# Access control lists of an export (reading=want) and of a cluster (here) → what to do: say TEXT, and one line for each
# call of kafka-acls: acl TYPE PATTERN PRINCIPAL HOST PERMISSION OPERATIONS NAME…

BEGIN { FS = "\t" }

/^#/ { next }

reading == "here" {
    here[$0]
    rules_here++
    next
}

reading == "want" && $0 in here {
    delete here[$0]
    rules_here--
    next
}

reading == "want" {
    print "say\tto be added: " $6 " " $7 " on " $1 " " $2 " (" $3 ") for " $4 " from " $5
    rule = $1 "\t" $3 "\t" $4 "\t" $5 "\t" $6
    if (!((rule, $2) in operations)) {
        order[++count] = rule SUBSEP $2
        operations[rule, $2] = named($7)
    } else {
        operations[rule, $2] = operations[rule, $2] "," named($7)
    }
}

# DESCRIBE_CONFIGS → DescribeConfigs: as kafka-acls takes it.
function named(operation,    word, n, i, text) {
    n = split(operation, word, "_")
    for (i = 1; i <= n; i++) text = text substr(word[i], 1, 1) tolower(substr(word[i], 2))
    return text
}

END {
    for (i = 1; i <= count; i++) {
        split(order[i], part, SUBSEP)
        call = part[1] "\t" operations[order[i]]
        if (!(call in names)) calls[++n] = call
        names[call] = names[call] "\t" part[2]
    }
    for (i = 1; i <= n; i++) print "acl\t" calls[i] names[calls[i]]
    if (rules_here > 0) print "say\t" rules_here " access control entries here are not in the export; they stay"
}
