# kafka-acls --list → resource type, name, pattern, principal, host, permission, operation. Names may hold anything, also
# the words between the fields, so both ends of a line are cut off it. What can't be read is named in the file UNREADABLE.

/^[ \t]*$/ { next }

match($0, /^Current ACLs for resource `ResourcePattern\(resourceType=[A-Z_]+, name=/) {
    type = substr($0, 1, RLENGTH - length(", name="))
    sub(/.*=/, "", type)
    name = substr($0, RLENGTH + 1)
    readable = match(name, /, patternType=[A-Z]+\)`: *$/)
    pattern = substr(name, RSTART + length(", patternType="))
    sub(/\).*/, "", pattern)
    name = encode(substr(name, 1, RSTART - 1))
    if (readable) next
}

readable && match($0, /, host=[^ ]*, operation=[A-Z_]+, permissionType=[A-Z]+\) *$/) {
    principal = substr($0, 1, RSTART - 1)
    split(substr($0, RSTART), field, /[=,)]/)
    if (sub(/^[ \t]*\(principal=/, "", principal)) {
        print type "\t" name "\t" pattern "\t" encode(principal) "\t" field[3] "\t" field[7] "\t" field[5]
        next
    }
}

{ print "ACL%20" encode($0) > UNREADABLE }
