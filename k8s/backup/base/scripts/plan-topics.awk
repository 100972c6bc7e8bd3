# Topics and configurations of an export (reading=want, want-configs) and of a cluster (here, here-configs) → what to do:
# say TEXT, problem KIND TEXT, create TOPIC PARTITIONS REPLICAS, set TOPIC KEY VALUE, unset TOPIC KEY.
# TOPICS: a space-separated choice, empty for all. REPLICAS: instead of the exported number. WITHOUT: configuration keys
# to leave alone, each between spaces.

BEGIN {
    FS = "\t"
    count = split(TOPICS, part, " ")
    for (i = 1; i <= count; i++) chosen[part[i]]
}

/^#/ { next }

reading == "want" && (!count || $1 in chosen) {
    order[++topics] = $1
    partitions[$1] = $2
    replicas[$1] = REPLICAS == "" ? $3 : REPLICAS
}

reading == "want-configs" && $1 in partitions && !index(WITHOUT, " " $2 " ") {
    value = $3
    # More than there are replicas would refuse every write that waits for all.
    if ($2 == "min.insync.replicas" && value + 0 > replicas[$1] + 0) value = replicas[$1]
    want[$1, $2] = value
    keys[$1] = keys[$1] " " $2
}

reading == "here" {
    partitions_here[$1] = $2
    replicas_here[$1] = $3
}

reading == "here-configs" && $1 in partitions && !index(WITHOUT, " " $2 " ") {
    here[$1, $2] = $3
    if (!(($1, $2) in want)) stray[$1] = stray[$1] " " $2
}

END {
    for (t = 1; t <= topics; t++) {
        topic = order[t]
        exists = topic in partitions_here
        if (!exists) {
            print "create\t" topic "\t" partitions[topic] "\t" replicas[topic]
            text = topic ": to be created, " partitions[topic] " partitions, " replicas[topic] " replicas"
        } else if (partitions_here[topic] != partitions[topic]) {
            print "problem\tpartitions\t" topic " has " partitions_here[topic] " partitions here and " partitions[topic] " in the export"
            continue
        } else {
            text = topic ": "
            if (replicas_here[topic] != replicas[topic]) print "say\t" topic ": has " replicas_here[topic] " replicas, not " replicas[topic] "; changing that is a reassignment and not done here"
        }
        changes = 0
        n = split(keys[topic], key, " ")
        for (i = 1; i <= n; i++) {
            if ((topic, key[i]) in here && here[topic, key[i]] == want[topic, key[i]]) continue
            print "set\t" topic "\t" key[i] "\t" want[topic, key[i]]
            text = text (exists && !changes++ ? "" : ", ") key[i] "=" want[topic, key[i]]
            if ((topic, key[i]) in here) text = text " (is " here[topic, key[i]] ")"
        }
        n = split(stray[topic], key, " ")
        for (i = 1; i <= n; i++) {
            print "unset\t" topic "\t" key[i]
            text = text (changes++ ? ", " : "") "no " key[i] " (is " here[topic, key[i]] ")"
        }
        print "say\t" text (exists && !changes ? "as exported" : "")
    }
}
