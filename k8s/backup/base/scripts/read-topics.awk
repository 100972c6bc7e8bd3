# kafka-topics --describe → topic, partitions, replicas, id (OUT=topics) or topic, partition, brokers (OUT=assignments).
# Topics of Kafka itself (__…) are not the operator's to restore.

BEGIN { FS = "\t" }

function value(label,    i) {
    for (i = 1; i <= NF; i++) if (index($i, label ": ") == 1) return substr($i, length(label) + 3)
    return "-"
}

value("Topic") ~ /^__/ { next }
OUT == "topics" && /^Topic: / { print value("Topic") "\t" value("PartitionCount") "\t" value("ReplicationFactor") "\t" value("TopicId") }
OUT == "assignments" && /^\tTopic: / { print value("Topic") "\t" value("Partition") "\t" value("Replicas") }
