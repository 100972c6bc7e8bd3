# kafka-configs --describe --entity-type topics → topic, key, value of what was set on the topic itself. kafka-topics
# --describe would mix in what the brokers' files say.

/^Dynamic configs for topic .* are:$/ {
    topic = $0
    sub(/^Dynamic configs for topic /, "", topic)
    sub(/ are:$/, "", topic)
    next
}

# Marks of a reassignment under way, by broker ids of this cluster.
/^  (leader|follower)\.replication\.throttled\.replicas=/ { next }

topic !~ /^__/ && match($0, / sensitive=(true|false) synonyms=\{/) {
    setting = substr($0, 3, RSTART - 3)
    split(setting, part, "=")
    print topic "\t" part[1] "\t" substr(setting, length(part[1]) + 2)
}
