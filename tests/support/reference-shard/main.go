// The reference-shard is a checksum-controller that is sharded the way of timebertt/kubernetes-controller-sharding: it has
// no sidecar and follows the wire protocol by itself (docs/protocol.md). Tests run it beside annotated checksum-controllers
// in one ring, to see that Ringside's central component serves shards that are not its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

type options struct {
	ring      string
	shard     string
	namespace string
}

func parseOptions() (options, error) {
	var o options
	flag.StringVar(&o.ring, "ring", "checksum-controller", "ControllerRing to be a shard of.")
	flag.StringVar(&o.shard, "shard-name", os.Getenv("HOSTNAME"), "Name of the shard and of its Lease. In a pod: the pod's name.")
	flag.StringVar(&o.namespace, "namespace", "default", "Namespace of the Lease and of the Secrets.")
	flag.Parse()
	if o.shard == "" {
		return o, fmt.Errorf("--shard-name is empty and so is the environment variable HOSTNAME: give the shard a name")
	}
	return o, nil
}

func run(ctx context.Context, o options) error {
	restConfig, err := config.GetConfig()
	if err != nil {
		return fmt.Errorf("find an API server (try --kubeconfig): %w", err)
	}
	mgr, err := newManager(restConfig, o)
	if err != nil {
		return err
	}
	err = ctrl.NewControllerManagedBy(mgr).
		For(&corev1.Secret{}).
		Owns(&corev1.ConfigMap{}).
		Complete(&Reconciler{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Ring: o.ring})
	if err != nil {
		return fmt.Errorf("add the controller: %w", err)
	}
	return mgr.Start(ctx)
}

// newManager makes a manager that sees the objects of its shard alone, and works only while it holds the shard's Lease: to
// be a shard is to be the leader of a Lease of one's own.
func newManager(restConfig *rest.Config, o options) (ctrl.Manager, error) {
	lock, err := shardLease(restConfig, o)
	if err != nil {
		return nil, fmt.Errorf("prepare the shard Lease: %w", err)
	}
	duration, renewDeadline, retryPeriod := 15*time.Second, 10*time.Second, 5*time.Second
	return ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:                              clientgoscheme.Scheme,
		Metrics:                             metricsserver.Options{BindAddress: "0"},
		LeaderElection:                      true,
		LeaderElectionResourceLockInterface: lock,
		LeaderElectionReleaseOnCancel:       true,
		LeaseDuration:                       &duration,
		RenewDeadline:                       &renewDeadline,
		RetryPeriod:                         &retryPeriod,
		Cache: cache.Options{
			DefaultNamespaces:    map[string]cache.Config{o.namespace: {}},
			DefaultLabelSelector: labels.SelectorFromSet(labels.Set{shardLabel(o.ring): o.shard}),
		},
	})
}

func main() {
	log := zap.New()
	ctrl.SetLogger(log)
	klog.SetLogger(log) // client-go logs through klog, its leader election for one

	o, err := parseOptions()
	if err == nil {
		err = run(ctrl.SetupSignalHandler(), o)
	}
	if err != nil {
		log.Error(err, "the shard stopped")
		os.Exit(1)
	}
}
