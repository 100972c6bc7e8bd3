# Names of consumer groups may hold anything: spaces, line breaks, control characters, any script. In files and messages
# they stand percent-encoded. LC_ALL=C is assumed: a character is a byte.

BEGIN {
    for (i = 1; i < 256; i++) CODE[sprintf("%c", i)] = i
    PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:/@+=,*"
}

function encode(name,    i, c, text) {
    for (i = 1; i <= length(name); i++) {
        c = substr(name, i, 1)
        text = text (index(PLAIN, c) ? c : sprintf("%%%02X", CODE[c]))
    }
    return text
}

function decode(text,    i, name) {
    while (i = index(text, "%")) {
        name = name substr(text, 1, i - 1) sprintf("%c", hex(substr(text, i + 1, 1)) * 16 + hex(substr(text, i + 2, 1)))
        text = substr(text, i + 3)
    }
    return name text
}

function hex(digit) {
    return index("0123456789ABCDEF", digit) - 1
}

# Java pads columns by its own count of characters, UTF-16 units: none for a following byte of UTF-8, two for a
# character that takes four bytes.
function units(c) {
    return CODE[c] < 128 ? 1 : CODE[c] < 192 ? 0 : CODE[c] < 240 ? 1 : 2
}

# How many bytes the first `width` units of a text take; -1 where it is shorter.
function bytes_of(text, width,    i, n, size) {
    size = length(text)
    for (i = 1; i <= size; i++) {
        n += units(substr(text, i, 1))
        if (n > width) return i - 1
    }
    return n == width ? size : -1
}

function trimmed(text) {
    sub(/ +$/, "", text)
    return text
}
