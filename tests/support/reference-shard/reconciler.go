package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// Reconciler does what the checksum-controller does, and hands Secrets over.
type Reconciler struct {
	// Client reads from the cache, which has the objects of this shard alone, and writes to the API server.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Ring is the name of the ControllerRing.
	Ring string
}

// Reconcile makes the ConfigMap of one Secret what it should be, or gives the Secret away if it is asked to. The work queue
// never has a key twice at the same time: nobody else works on the Secret meanwhile. ConfigMaps are not handed over; the
// reference leaves that to its sharder, too.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	secret := &corev1.Secret{}
	if err := r.Client.Get(ctx, req.NamespacedName, secret); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if _, draining := secret.Labels[drainLabel(r.Ring)]; draining {
		patch := acknowledgement(r.Ring, secret.ResourceVersion)
		return ctrl.Result{}, client.IgnoreNotFound(r.Client.Patch(ctx, secret.DeepCopy(), patch))
	}
	if !secret.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, r.apply(ctx, secret)
}

func (r *Reconciler) apply(ctx context.Context, secret *corev1.Secret) error {
	desired := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "checksums-" + secret.Name, Namespace: secret.Namespace},
		Data:       checksums(secret.Data),
	}
	if err := controllerutil.SetControllerReference(secret, desired, r.Client.Scheme()); err != nil {
		return err
	}
	current := &corev1.ConfigMap{}
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(desired), current)
	if apierrors.IsNotFound(err) {
		if err = r.Client.Create(ctx, desired); !apierrors.IsAlreadyExists(err) {
			return err
		}
		// It has not arrived in this shard yet; or it is somebody else's.
		err = r.Live.Get(ctx, client.ObjectKeyFromObject(desired), current)
	}
	if err != nil || !metav1.IsControlledBy(current, secret) || maps.Equal(current.Data, desired.Data) {
		return err
	}
	updated := current.DeepCopy()
	updated.Data = desired.Data
	return r.Client.Update(ctx, updated)
}

func checksums(data map[string][]byte) map[string]string {
	sums := make(map[string]string, len(data))
	for key, value := range data {
		sum := sha256.Sum256(value)
		sums[key] = hex.EncodeToString(sum[:])
	}
	return sums
}
