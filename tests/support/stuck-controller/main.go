// The stuck-controller takes its time: its reconcile of a Secret sleeps for as long as the annotation `stuck` says and
// creates a child then, a ConfigMap called late-<secret>. It tells on standard output what it does. Otherwise it is an
// ordinary controller made with controller-runtime: for tests of what a sidecar does about a reconcile that will not end.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

type reconciler struct {
	client.Client
}

func (r reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	secret := &corev1.Secret{}
	if err := r.Get(ctx, req.NamespacedName, secret); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	duration, err := time.ParseDuration(secret.Annotations["stuck"])
	if err != nil {
		return ctrl.Result{}, nil
	}
	fmt.Println("begin", req.Name)
	time.Sleep(duration)
	child := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: req.Namespace, Name: "late-" + req.Name}}
	if err := controllerutil.SetControllerReference(secret, child, r.Scheme()); err != nil {
		return ctrl.Result{}, reconcile.TerminalError(err)
	}
	err = r.Create(ctx, child)
	fmt.Println("end", req.Name, err)
	if err != nil {
		// Once is what the tests look at; a retry would be stuck again.
		return ctrl.Result{}, reconcile.TerminalError(err)
	}
	return ctrl.Result{}, nil
}

func main() {
	metricsAddress := flag.String("metrics-bind-address", "0", "Address that /metrics is served on, or 0 for none.")
	secure := flag.Bool("metrics-secure", false, "Serve metrics over TLS, with a certificate made for it.")
	flag.Parse()
	ctrl.SetLogger(zap.New())

	restConfig, err := config.GetConfig()
	if err != nil {
		log.Fatal(err)
	}
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Cache:                  cache.Options{DefaultNamespaces: map[string]cache.Config{"default": {}}},
		HealthProbeBindAddress: "0",
		Metrics:                metricsserver.Options{BindAddress: *metricsAddress, SecureServing: *secure},
	})
	if err != nil {
		log.Fatal(err)
	}
	err = ctrl.NewControllerManagedBy(mgr).For(&corev1.Secret{}).Complete(reconciler{mgr.GetClient()})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(mgr.Start(ctrl.SetupSignalHandler()))
}
