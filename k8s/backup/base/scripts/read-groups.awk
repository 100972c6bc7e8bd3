# kafka-consumer-groups --list (reading=list), then --describe --all-groups (reading=tables) → group, topic, partition,
# offset, log end. A group that can't be told from another is named in the file UNREADABLE instead.
#
# The tool prints one table per group, pads its columns with spaces, and escapes nothing. So a name is cut out by the
# width that the header shows, and goes on over line breaks until it has that width. Below 15 characters a name is
# padded itself: whether a space at its end is its own is looked up in the list.

function unreadable(name) {
    print encode(name) > UNREADABLE
    bad = 1
}

function resolved(name,    pads, candidate, found, seen) {
    candidate = name
    for (pads = width - size_in_units(name); pads >= 0; pads--) {
        if (index(list, "\n" candidate "\n")) {
            found = candidate
            seen++
        }
        candidate = candidate " "
    }
    # Not listed: the group is younger than the list.
    return seen > 1 ? "" : seen ? found : name
}

function size_in_units(text,    i, n) {
    for (i = 1; i <= length(text); i++) n += units(substr(text, i, 1))
    return n
}

function begin_table() {
    padded = substr(row, 1, size)
    known = 1
    first_line = padded
    sub(/\n.*/, "", first_line)
    group = resolved(trimmed(padded))
    if (group == "" || group in described) unreadable(trimmed(padded))
    described[group]
}

function end_table() {
    if (width && !known) unreadable(row)
    width = known = bad = open = 0
}

function read_row(    rest, field) {
    if (!known) begin_table()
    if (bad || substr(row, 1, size) != padded) return
    rest = substr(row, size + 1)
    if (rest !~ /^ [A-Za-z0-9._-]+ +([0-9]+|-) +(-?[0-9]+|-) +(-?[0-9]+|-) +(-?[0-9]+|-) /) {
        unreadable(group)
        return
    }
    split(rest, field, / +/)
    if (field[4] ~ /^[0-9]+$/ && field[2] !~ /^__/) print encode(group) "\t" field[2] "\t" field[3] "\t" field[4] "\t" field[5]
}

reading == "list" {
    list = (list == "" ? "\n" : list) $0 "\n"
    next
}

/^GROUP +TOPIC +PARTITION +CURRENT-OFFSET / {
    end_table()
    width = index($0, " TOPIC ") - 1
    next
}

# A line that does not begin as the table's rows do is the rest of a client's name that holds a line break.
width && !open && known && (first_line == "" ? $0 != "" : index($0, first_line) != 1) { next }

width {
    row = open ? row "\n" $0 : $0
    size = bytes_of(row, width)
    open = size < 0
    if (!open) read_row()
}

END { end_table() }
