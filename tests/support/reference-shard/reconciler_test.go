package main

import (
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

const ring = "ring"

func secret(labels map[string]string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "foo", UID: "secret-uid", Labels: labels},
		Data:       map[string][]byte{"a": []byte("bar")},
	}
}

func reconcile(t *testing.T, api client.WithWatch) error {
	t.Helper()
	r := &Reconciler{Client: api, Live: api, Ring: ring}
	_, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "foo"}})
	return err
}

func TestMakesTheConfigMapOfItsSecret(t *testing.T) {
	api := fake.NewClientBuilder().WithObjects(secret(map[string]string{shardLabel(ring): "us"})).Build()
	if err := reconcile(t, api); err != nil {
		t.Fatal(err)
	}
	got := &corev1.ConfigMap{}
	if err := api.Get(t.Context(), types.NamespacedName{Namespace: "ns", Name: "checksums-foo"}, got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"}
	if !maps.Equal(got.Data, want) || !metav1.IsControlledBy(got, secret(nil)) {
		t.Errorf("data = %v, owners %v; want %v, owned by the Secret", got.Data, got.OwnerReferences, want)
	}
}

func TestGivesASecretAwayThatIsToBeDrained(t *testing.T) {
	draining := secret(map[string]string{shardLabel(ring): "us", drainLabel(ring): "true", "of": "somebody else"})
	api := fake.NewClientBuilder().WithObjects(draining).Build()
	if err := reconcile(t, api); err != nil {
		t.Fatal(err)
	}
	got := &corev1.Secret{}
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(draining), got); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"of": "somebody else"}; !maps.Equal(got.Labels, want) {
		t.Errorf("labels = %v, want %v", got.Labels, want)
	}
	err := api.Get(t.Context(), types.NamespacedName{Namespace: "ns", Name: "checksums-foo"}, &corev1.ConfigMap{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("get the ConfigMap: %v, want that nothing was done for the Secret", err)
	}
}

func TestDoesNotGiveAwayARevisionThatItHasNotSeen(t *testing.T) {
	draining := secret(map[string]string{shardLabel(ring): "us", drainLabel(ring): "true"})
	api := fake.NewClientBuilder().WithObjects(draining).Build()
	stale := draining.DeepCopy()
	stale.ResourceVersion = "1"
	if err := api.Patch(t.Context(), stale, acknowledgement(ring, "1")); !apierrors.IsConflict(err) {
		t.Errorf("patch of revision 1 of revision 999: %v, want a conflict", err)
	}
}
