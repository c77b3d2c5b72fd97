// The go-informers controller keeps a ConfigMap with checksums for every Secret, with nothing but client-go: shared informers
// over protobuf, a work queue, and the leaderelection package.
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

const name = "go-informers"

func main() {
	namespace := flag.String("namespace", "default", "Namespace to work in, and of the Lease "+name+".")
	workers := flag.Int("workers", 4, "How many Secrets are worked on at once.")
	flag.Parse()

	config, err := rest.InClusterConfig()
	if err != nil {
		klog.Fatalf("no API server: %v", err)
	}
	config.ContentType = runtime.ContentTypeProtobuf
	config.QPS, config.Burst = 50, 100
	clients := kubernetes.NewForConfigOrDie(config)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	hostname, err := os.Hostname()
	if err != nil {
		klog.Fatalf("no name for the election: %v", err)
	}
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: name, Namespace: *namespace},
			Client:     clients.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: hostname},
		},
		LeaseDuration:   15 * time.Second,
		RenewDeadline:   10 * time.Second,
		RetryPeriod:     2 * time.Second,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				factory := informers.NewSharedInformerFactoryWithOptions(clients, 0, informers.WithNamespace(*namespace))
				newController(clients, factory).run(ctx, factory, *workers)
			},
			OnStoppedLeading: func() {
				if ctx.Err() == nil {
					klog.Fatal("the election was lost")
				}
			},
		},
	})
}
