#!/usr/bin/env bash
# Does the broker of this pod answer? An open port says little: the broker listens before it serves. So this asks a question
# that needs no login, and starts no JVM for it, which every few seconds would cost more than the broker itself.
#   without TLS: ApiVersions, the first request of every Kafka client
#   with TLS:    the first half of a handshake
set -euo pipefail

readonly port=${1:-9092}

if [[ ${TLS:-} == true ]]; then
    # TLS 1.2 ClientHello with five common suites, offering no session and no name; a server answers with a record of type 22.
    request='\x16\x03\x01\x00\x61\x01\x00\x00\x5d\x03\x03kafka probe - no secrets in here'
    request+='\x00\x00\x0a\xc0\x2f\xc0\x30\xc0\x2b\xc0\x2c\x00\x9e\x01\x00\x00\x2a'
    request+='\x00\x0a\x00\x08\x00\x06\x00\x1d\x00\x17\x00\x18'
    request+='\x00\x0b\x00\x02\x01\x00'
    request+='\x00\x0d\x00\x14\x00\x12\x04\x03\x05\x03\x06\x03\x08\x04\x08\x05\x08\x06\x04\x01\x05\x01\x06\x01'
    expected=16
    skip=0
else
    # Length 17; API key 18, version 0, correlation id 7, client id "probe".
    request='\x00\x00\x00\x0f\x00\x12\x00\x00\x00\x00\x00\x07\x00\x05probe'
    expected=00000007
    skip=4
fi

exec 3<>"/dev/tcp/127.0.0.1/$port"
# shellcheck disable=SC2059 # the bytes are the format
printf "$request" >&3
# One byte at a time: a larger read would wait for an answer that is complete.
answer=$(timeout 4 dd bs=1 count=$((skip + ${#expected} / 2)) <&3 2>/dev/null | od -An -tx1 | tr -d ' \n')
if [[ ${answer:skip*2} != "$expected" ]]; then
    echo "port $port accepts connections, but the broker does not answer (got '${answer}')"
    exit 1
fi
