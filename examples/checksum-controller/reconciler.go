package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// retryNotOurs is how often a Secret is tried again whose ConfigMap belongs to somebody else. No watch event tells
// when that ConfigMap goes away, because only ConfigMaps owned by a Secret lead back to one.
const retryNotOurs = time.Minute

// Reconciler keeps one ConfigMap per Secret.
type Reconciler struct {
	// Client reads from the cache and writes to the API server.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Recorder reports on Secrets that cannot be served.
	Recorder events.EventRecorder
}

// Reconcile makes the ConfigMap of one Secret what it should be. Secrets that are going away are left alone: the garbage
// collector deletes their ConfigMap.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	log := ctrl.LoggerFrom(ctx)

	secret := &corev1.Secret{}
	if err := r.Client.Get(ctx, req.NamespacedName, secret); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !secret.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}

	desired := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: configMapName(secret.Name), Namespace: secret.Namespace},
		Data:       checksums(secret.Data),
	}
	if err := controllerutil.SetControllerReference(secret, desired, r.Client.Scheme()); err != nil {
		return ctrl.Result{}, err
	}

	current := &corev1.ConfigMap{}
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(desired), current)
	if apierrors.IsNotFound(err) {
		err = r.Client.Create(ctx, desired)
		if err == nil {
			log.Info("Created ConfigMap", "configMap", desired.Name)
			return ctrl.Result{}, nil
		}
		if apierrors.IsAlreadyExists(err) {
			// The cache is behind; only the API server can say whose it is.
			err = r.Live.Get(ctx, client.ObjectKeyFromObject(desired), current)
		}
	}
	if err != nil {
		return ctrl.Result{}, giveUpIfInvalid(err)
	}

	if !metav1.IsControlledBy(current, secret) {
		log.Info("Left ConfigMap alone, as this Secret does not control it", "configMap", current.Name)
		r.Recorder.Eventf(secret, current, corev1.EventTypeWarning, "ConfigMapNotOurs", "UpdateChecksums",
			"ConfigMap %s exists and is not controlled by this Secret; delete or rename it to get checksums", current.Name)
		return ctrl.Result{RequeueAfter: retryNotOurs}, nil
	}
	if maps.Equal(current.Data, desired.Data) {
		return ctrl.Result{}, nil
	}

	// What came from the cache is shared with others, so it must not be changed in place.
	updated := current.DeepCopy()
	updated.Data = desired.Data
	if err := r.Client.Update(ctx, updated); err != nil {
		return ctrl.Result{}, giveUpIfInvalid(err)
	}
	log.Info("Updated ConfigMap", "configMap", updated.Name)
	return ctrl.Result{}, nil
}

func configMapName(secretName string) string {
	return "checksums-" + secretName
}

// checksums returns the SHA-256, in hexadecimal, of each entry. Keys stay as they are: what is a valid key in a Secret is
// one in a ConfigMap.
func checksums(data map[string][]byte) map[string]string {
	sums := make(map[string]string, len(data))
	for key, value := range data {
		sum := sha256.Sum256(value)
		sums[key] = hex.EncodeToString(sum[:])
	}
	return sums
}

// giveUpIfInvalid ends the retries where the same request would be refused forever, as with a Secret's name that is too
// long to take the prefix, or a ConfigMap made immutable. A change to either object starts over.
func giveUpIfInvalid(err error) error {
	if apierrors.IsInvalid(err) {
		return reconcile.TerminalError(err)
	}
	return err
}
