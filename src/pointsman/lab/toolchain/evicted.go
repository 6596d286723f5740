// Package eviction is what kube-controller-manager's pod garbage collector uses of the kubelet's package of that name:
// a question about a pod's status, in the words of Kubernetes 1.34. The rest of it is a kubelet, which the lab has not.
package eviction

import v1 "k8s.io/api/core/v1"

// Reason is what the status of an evicted pod says.
const Reason = "Evicted"

// PodIsEvicted returns true if the reported pod status is due to an eviction.
func PodIsEvicted(podStatus v1.PodStatus) bool {
	return podStatus.Phase == v1.PodFailed && podStatus.Reason == Reason
}
