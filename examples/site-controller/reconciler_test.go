package main

import (
	"context"
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// world is a Reconciler with an API server in memory. writes counts what was created and updated.
type world struct {
	*Reconciler
	writes int
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := addSites(scheme); err != nil {
		t.Fatal(err)
	}
	w := &world{}
	api := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			w.writes++
			return c.Create(ctx, obj, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			w.writes++
			return c.Update(ctx, obj, opts...)
		},
	}).Build()
	w.Reconciler = &Reconciler{Client: api}
	return w
}

func (w *world) reconcile(t *testing.T, site string) {
	t.Helper()
	request := ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: site}}
	if _, err := w.Reconcile(t.Context(), request); err != nil {
		t.Fatalf("Reconcile: %v", err)
	}
}

// hosts returns "<ingress>: <host>" of each Ingress, sorted.
func (w *world) hosts(t *testing.T) []string {
	t.Helper()
	list := &networkingv1.IngressList{}
	if err := w.Client.List(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	var hosts []string
	for _, item := range list.Items {
		hosts = append(hosts, item.Name+": "+item.Spec.Rules[0].Host)
	}
	slices.Sort(hosts)
	return hosts
}

func site(name string) *Site {
	return &Site{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, UID: types.UID(name + "-uid")},
		Spec:       SiteSpec{Host: name + ".test", Service: "web"},
	}
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("Ingresses = %q, want %q", got, want)
	}
}

func TestCreatesOwnedIngresses(t *testing.T) {
	w := newWorld(t, site("a"))
	w.reconcile(t, "a")
	expect(t, w.hosts(t), "a-www: www.a.test", "a: a.test")

	ingress := &networkingv1.Ingress{}
	if err := w.Client.Get(t.Context(), types.NamespacedName{Namespace: "ns", Name: "a-www"}, ingress); err != nil {
		t.Fatal(err)
	}
	owner := metav1.GetControllerOf(ingress)
	if owner == nil || owner.APIVersion != "web.example.com/v1" || owner.Kind != "Site" || owner.UID != "a-uid" {
		t.Errorf("controller = %+v, want the Site", owner)
	}
}

func TestUpdatesOnlyWhenDifferent(t *testing.T) {
	w := newWorld(t, site("a"))
	w.reconcile(t, "a")
	changed := &Site{}
	if err := w.Client.Get(t.Context(), types.NamespacedName{Namespace: "ns", Name: "a"}, changed); err != nil {
		t.Fatal(err)
	}
	changed.Spec.Host = "b.test"
	if err := w.Client.Update(t.Context(), changed); err != nil {
		t.Fatal(err)
	}

	w.writes = 0
	w.reconcile(t, "a")
	w.reconcile(t, "a")
	expect(t, w.hosts(t), "a-www: www.b.test", "a: b.test")
	if w.writes != 2 {
		t.Errorf("%d writes, want one for each Ingress", w.writes)
	}
}

func TestCleansUpAfterASiteThatIsGone(t *testing.T) {
	gone, other := site("gone"), site("other")
	leftOver := ingress(gone, "gone-mobile", "m.gone.test")
	unlabelled := ingress(gone, "gone", "gone.test")
	unlabelled.Labels = nil
	w := newWorld(t, leftOver, unlabelled, other)
	w.reconcile(t, "other")
	w.reconcile(t, "gone")
	w.reconcile(t, "gone")
	expect(t, w.hosts(t), "other-www: www.other.test", "other: other.test")
}

func TestLeavesSitesAloneThatAreBeingDeleted(t *testing.T) {
	deleted := site("a")
	deleted.Finalizers = []string{"test.example/wait"} // without one, the fake API server refuses a deletion timestamp
	deleted.DeletionTimestamp = &metav1.Time{Time: metav1.Now().Time}
	w := newWorld(t, deleted, ingress(deleted, "a", "old.test"))
	w.reconcile(t, "a")
	expect(t, w.hosts(t), "a: old.test")
}
