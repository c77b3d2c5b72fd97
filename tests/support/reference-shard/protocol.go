package main

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ringLabel is on the Lease of every shard, with the name of its ring.
const ringLabel = "alpha.sharding.timebertt.dev/controllerring"

// shardLabel is on the objects of the ring, with the name of the shard that they are assigned to.
func shardLabel(ring string) string {
	return "shard.alpha.sharding.timebertt.dev/" + ring
}

// drainLabel is on the objects that their shard is asked to hand over.
func drainLabel(ring string) string {
	return "drain.alpha.sharding.timebertt.dev/" + ring
}

// shardLease is the Lease that makes this process a shard: named like the shard and held by itself.
func shardLease(restConfig *rest.Config, o options) (resourcelock.Interface, error) {
	leases, err := coordinationv1client.NewForConfig(restConfig)
	if err != nil {
		return nil, err
	}
	return &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: o.namespace, Name: o.shard},
		Client:     leases,
		LockConfig: resourcelock.ResourceLockConfig{Identity: o.shard},
		Labels:     map[string]string{ringLabel: o.ring},
	}, nil
}

// acknowledgement is the patch by which a shard gives an object away: without both labels, in the revision that the shard
// has seen. The ring's webhook assigns it anew in the same request.
func acknowledgement(ring, resourceVersion string) client.Patch {
	text := fmt.Sprintf(`{"metadata":{"resourceVersion":%q,"labels":{%q:null,%q:null}}}`,
		resourceVersion, shardLabel(ring), drainLabel(ring))
	return client.RawPatch(types.MergePatchType, []byte(text))
}
