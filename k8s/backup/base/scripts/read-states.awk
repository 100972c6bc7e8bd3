# kafka-consumer-groups --list --state → group without spaces at its end, state. Read like the tables of read-groups.awk.

/^GROUP +STATE / && !width {
    width = index($0, " STATE ") - 1
    next
}

width {
    row = open ? row "\n" $0 : $0
    size = bytes_of(row, width)
    open = size < 0
    if (!open) print encode(trimmed(substr(row, 1, size))) "\t" trimmed(substr(row, size + 2))
}
