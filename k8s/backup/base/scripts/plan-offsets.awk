# Positions of groups in an export (reading=want), and the cluster's: the export's topics (want-topics), topics here
# (here-topics), the plan for topics (plan), ends of logs (logs), states of groups (states), positions (here), offsets
# at times (times) → what to do: say TEXT, problem KIND TEXT, commit GROUP TOPIC PARTITION OFFSET.
# POSITIONS is same, nearest, copied or time. TOPICS, GROUPS: space-separated choices, empty for all.

BEGIN {
    FS = "\t"
    topics = split(TOPICS, part, " ")
    for (i = 1; i <= topics; i++) topic_chosen[part[i]]
    groups = split(GROUPS, part, " ")
    for (i = 1; i <= groups; i++) group_chosen[part[i]]
}

function problem(kind, text) { print "problem\t" kind "\t" text }

function trimmed_code(group) {
    while (group ~ /%20$/) group = substr(group, 1, length(group) - 3)
    return group
}

/^#/ { next }
reading == "want-topics" { id[$1] = $4 }
reading == "here-topics" { id_here[$1] = $4 }
reading == "logs" { start[$1, $2] = $3; end[$1, $2] = $4 }
reading == "states" { state[$1] = $2 }
reading == "here" { here[$1, $2, $3] = $4 }
reading == "times" { at[$4, $1, $2] = $3 }

# Made before any position is set: empty by then, and another topic than the one exported.
reading == "plan" && $1 == "create" {
    id_here[$2] = "new"
    for (i = 0; i < $3; i++) start[$2, i] = end[$2, i] = 0
}

reading == "want" && (!topics || $2 in topic_chosen) && (!groups || $1 in group_chosen) {
    group = $1
    offset = $4
    place = $2 SUBSEP $3
    name = group " " $2 "/" $3
    if (!(place in end)) {
        problem("topic", name ": there is no such partition here")
        next
    }
    if (POSITIONS == "time") {
        offset = $6 == "-" ? start[place] : ($6 SUBSEP place) in at ? at[$6, $2, $3] : end[place]
    } else if (POSITIONS != "copied" && (id[$2] == "-" || id[$2] != id_here[$2])) {
        problem("other", name ": " $2 " is another topic than the one exported")
        next
    }
    if (offset + 0 < start[place] + 0 || offset + 0 > end[place] + 0) {
        if (POSITIONS == "same" || POSITIONS == "copied") {
            problem("range", name ": " offset " is outside of the log here, which holds " start[place] " to " end[place])
            next
        }
        offset = offset + 0 < start[place] + 0 ? start[place] : end[place]
    }
    if ((group SUBSEP place) in here && here[group, $2, $3] == offset) {
        unchanged++
        next
    }
    now = state[trimmed_code(group)]
    if (now != "" && now != "Empty" && now != "Dead") {
        if (!told[group]++) problem("active", group " is active (" now ")")
        next
    }
    print "commit\t" group "\t" $2 "\t" $3 "\t" offset
    print "say\t" name ": " ((group SUBSEP place) in here ? here[group, $2, $3] : "none") " -> " offset (offset == $4 ? "" : " (was " $4 ")")
}

END { if (unchanged) print "say\t" unchanged " positions stand already where they should" }
