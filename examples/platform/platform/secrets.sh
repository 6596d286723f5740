#!/bin/sh
# Makes the Secrets that the platform needs and that git has not: the engines' key, which the proxy shows them, and the
# proxy's master key. What is there already stays as it is. On a platform with a vault, let that make these Secrets instead.
#
# This file lies where no Application looks. Argo CD neither makes these Secrets nor takes them away.
set -eu

there() { kubectl -n "$1" get secret "$2" -o go-template="{{with index .data \"$3\"}}{{. | base64decode}}{{end}}" 2>/dev/null || true; }
random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

# NAMESPACE SECRET KEY VALUE. The value goes in by a pipe: a command's words can be seen by everybody on the machine.
put() {
    [ -z "$(there "$1" "$2" "$3")" ] || { echo "secret/$2 in $1 is there"; return; }
    printf %s "$4" | kubectl -n "$1" create secret generic "$2" --from-file="$3=/dev/stdin"
}

kubectl get namespace serving kserve llm-d llm-gateway >/dev/null 2>&1 || kubectl apply -k platform/namespaces
engine=
for namespace in serving kserve llm-d llm-gateway; do engine=${engine:-$(there "$namespace" vllm-api-key api-key)}; done
engine=${engine:-$(random)}
for namespace in serving kserve llm-d llm-gateway; do put "$namespace" vllm-api-key api-key "$engine"; done
put llm-gateway litellm master-key "sk-$(random)"
