// The site-controller keeps, for every Site, the Ingresses that lead to its Service, and deletes them when the Site is gone.
package main

import (
	"flag"
	"fmt"
	"os"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const name = "site-controller"

type options struct {
	namespace               string
	leaderElect             bool
	leaderElectionNamespace string
	healthAddress           string
	metricsAddress          string
	log                     zap.Options
}

func parseOptions() options {
	var o options
	flag.StringVar(&o.namespace, "namespace", "",
		"Namespace to watch. Empty means all namespaces.")
	flag.BoolVar(&o.leaderElect, "leader-elect", false,
		"Work only while holding the Lease "+name+", so that one of several replicas works at a time.")
	flag.StringVar(&o.leaderElectionNamespace, "leader-election-namespace", "",
		"Namespace of that Lease. Empty means the namespace of the pod; needed only outside of a cluster.")
	flag.StringVar(&o.healthAddress, "health-probe-bind-address", ":8081",
		"Address that /healthz and /readyz are served on.")
	flag.StringVar(&o.metricsAddress, "metrics-bind-address", ":8080",
		"Address that /metrics is served on, or 0 for none.")
	o.log.BindFlags(flag.CommandLine)
	flag.Parse()
	return o
}

func run(o options) error {
	restConfig, err := config.GetConfig()
	if err != nil {
		return fmt.Errorf("find an API server (try --kubeconfig): %w", err)
	}

	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	if err := addSites(scheme); err != nil {
		return err
	}

	managerOptions := ctrl.Options{
		Scheme:                  scheme,
		LeaderElection:          o.leaderElect,
		LeaderElectionID:        name,
		LeaderElectionNamespace: o.leaderElectionNamespace,
		// Safe because the process exits as soon as the manager stops; the next leader need not wait for the Lease to expire.
		LeaderElectionReleaseOnCancel: true,
		HealthProbeBindAddress:        o.healthAddress,
		Metrics:                       metricsserver.Options{BindAddress: o.metricsAddress},
	}
	if o.namespace != "" {
		managerOptions.Cache.DefaultNamespaces = map[string]cache.Config{o.namespace: {}}
	}

	mgr, err := ctrl.NewManager(restConfig, managerOptions)
	if err != nil {
		return fmt.Errorf("create the manager: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return err
	}

	err = ctrl.NewControllerManagedBy(mgr).
		For(&Site{}).
		Owns(&networkingv1.Ingress{}).
		Complete(&Reconciler{Client: mgr.GetClient()})
	if err != nil {
		return fmt.Errorf("add the controller: %w", err)
	}

	return mgr.Start(ctrl.SetupSignalHandler())
}

func main() {
	o := parseOptions()
	log := zap.New(zap.UseFlagOptions(&o.log))
	ctrl.SetLogger(log)
	klog.SetLogger(log) // client-go logs through klog, its leader election for one

	if err := run(o); err != nil {
		log.Error(err, "the controller stopped")
		os.Exit(1)
	}
}
