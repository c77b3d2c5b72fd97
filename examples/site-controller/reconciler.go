package main

import (
	"context"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// siteLabel is on every Ingress, with the name of its Site.
const siteLabel = "web.example.com/site"

// Reconciler keeps two Ingresses per Site.
type Reconciler struct {
	// Client reads from the cache and writes to the API server.
	Client client.Client
}

// Reconcile makes the Ingresses of one Site what they should be, and deletes them when the cache has no such Site: the
// clean-up of many controllers that want no finalizers.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	site := &Site{}
	err := r.Client.Get(ctx, req.NamespacedName, site)
	if apierrors.IsNotFound(err) {
		return ctrl.Result{}, r.cleanUp(ctx, req.NamespacedName)
	}
	if err != nil || !site.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, err
	}
	for _, desired := range ingresses(site) {
		if err := r.apply(ctx, site, desired); err != nil {
			return ctrl.Result{}, err
		}
	}
	return ctrl.Result{}, nil
}

// cleanUp deletes what a Site has left: the Ingress of its own name, which is older than the label, and all that carry
// the label.
func (r *Reconciler) cleanUp(ctx context.Context, site types.NamespacedName) error {
	first := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: site.Namespace, Name: site.Name}}
	if err := r.Client.Delete(ctx, first); client.IgnoreNotFound(err) != nil {
		return err
	}
	err := r.Client.DeleteAllOf(ctx, &networkingv1.Ingress{}, client.InNamespace(site.Namespace),
		client.MatchingLabels{siteLabel: site.Name})
	if err == nil {
		ctrl.LoggerFrom(ctx).Info("Deleted the Ingresses of a Site that is gone")
	}
	return err
}

func (r *Reconciler) apply(ctx context.Context, site *Site, desired *networkingv1.Ingress) error {
	if err := controllerutil.SetControllerReference(site, desired, r.Client.Scheme()); err != nil {
		return err
	}
	current := &networkingv1.Ingress{}
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(desired), current)
	if apierrors.IsNotFound(err) {
		return r.Client.Create(ctx, desired)
	}
	if err != nil || equality.Semantic.DeepEqual(current.Spec, desired.Spec) {
		return err
	}
	updated := current.DeepCopy()
	updated.Spec = desired.Spec
	return r.Client.Update(ctx, updated)
}

// ingresses returns what a Site should have: <site> for its host and <site>-www for "www." before it.
func ingresses(site *Site) []*networkingv1.Ingress {
	return []*networkingv1.Ingress{
		ingress(site, site.Name, site.Spec.Host),
		ingress(site, site.Name+"-www", "www."+site.Spec.Host),
	}
}

func ingress(site *Site, name, host string) *networkingv1.Ingress {
	prefix := networkingv1.PathTypePrefix
	path := networkingv1.HTTPIngressPath{
		Path:     "/",
		PathType: &prefix,
		Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
			Name: site.Spec.Service,
			Port: networkingv1.ServiceBackendPort{Number: 80},
		}},
	}
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: site.Namespace, Name: name, Labels: map[string]string{siteLabel: site.Name}},
		Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{
			Host: host,
			IngressRuleValue: networkingv1.IngressRuleValue{
				HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{path}},
			},
		}}},
	}
}
