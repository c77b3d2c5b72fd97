package main

import (
	"context"
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// world is a Reconciler with an API server in memory, and a cache of members that is only as new as the test wants.
type world struct {
	*Reconciler
	api     client.Client
	cached  []PoolMember
	refused error // the answer to creates
}

func newWorld(t *testing.T, replicas int) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := addPools(scheme); err != nil {
		t.Fatal(err)
	}
	pool := &Pool{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a", UID: "a-uid"},
		Spec:       PoolSpec{Replicas: replicas},
	}
	api := fake.NewClientBuilder().WithScheme(scheme).WithObjects(pool).Build()
	w := &world{api: api}
	cache := interceptor.NewClient(api, interceptor.Funcs{
		List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
			list.(*PoolMemberList).Items = append([]PoolMember{}, w.cached...)
			return nil
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			if w.refused != nil {
				return w.refused
			}
			return c.Create(ctx, obj, opts...)
		},
	})
	w.Reconciler = &Reconciler{Client: cache, Live: api, expectations: expectations{}}
	return w
}

func (w *world) reconcile(t *testing.T) (ctrl.Result, error) {
	t.Helper()
	return w.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "a"}})
}

// expect reconciles and wants that many members to exist afterwards.
func (w *world) expect(t *testing.T, count int) {
	t.Helper()
	if _, err := w.reconcile(t); err != nil {
		t.Fatalf("Reconcile: %v", err)
	}
	if got := len(w.members(t)); got != count {
		t.Fatalf("%d members, want %d", got, count)
	}
}

func (w *world) members(t *testing.T) []PoolMember {
	t.Helper()
	list := &PoolMemberList{}
	if err := w.api.List(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func (w *world) scale(t *testing.T, replicas int) {
	t.Helper()
	pool := &Pool{}
	if err := w.api.Get(t.Context(), types.NamespacedName{Namespace: "ns", Name: "a"}, pool); err != nil {
		t.Fatal(err)
	}
	pool.Spec.Replicas = replicas
	if err := w.api.Update(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
}

func TestNeverCreatesMoreThanItLacks(t *testing.T) {
	w := newWorld(t, 3)
	w.expect(t, 3)
	for shown := range 4 { // whatever part of them the cache shows
		w.cached = w.members(t)[:shown]
		w.expect(t, 3)
	}
	for _, member := range w.members(t) {
		if owner := metav1.GetControllerOf(&member); owner == nil || owner.UID != "a-uid" || member.Labels[poolLabel] != "a" {
			t.Errorf("%s has controller %v and labels %v", member.Name, owner, member.Labels)
		}
	}
}

func TestNeverDeletesMoreThanIsTooMany(t *testing.T) {
	w := newWorld(t, 4)
	w.expect(t, 4)
	w.cached = w.members(t)
	w.expect(t, 4)
	w.scale(t, 1)
	w.expect(t, 1)
	w.expect(t, 1) // the cache shows all four still
	w.cached = w.cached[:3]
	w.expect(t, 1)
	w.cached = w.members(t)
	w.expect(t, 1)
	w.scale(t, 2)
	w.expect(t, 2)
}

func TestReplacesAMemberThatWasDeletedBeforeTheCacheShowedIt(t *testing.T) {
	w := newWorld(t, 2)
	w.expect(t, 2)
	if err := w.api.Delete(t.Context(), &w.members(t)[0]); err != nil {
		t.Fatal(err)
	}
	w.expect(t, 1) // the cache does not show the other one yet
	w.cached = w.members(t)
	w.expect(t, 2)
}

func TestRetriesWhatWasRefused(t *testing.T) {
	w := newWorld(t, 2)
	w.refused = errors.New("refused")
	if _, err := w.reconcile(t); err == nil {
		t.Fatal("no error")
	}
	w.refused = nil
	w.expect(t, 2)
}

func TestLeavesMembersOfOthersAlone(t *testing.T) {
	w := newWorld(t, 0)
	other := &PoolMember{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a-1", Labels: map[string]string{poolLabel: "a"}}}
	if err := w.api.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	w.cached = w.members(t)
	w.expect(t, 1)
}

func TestForgetsAPoolThatIsGone(t *testing.T) {
	w := newWorld(t, 1)
	w.expect(t, 1)
	if err := w.api.Delete(t.Context(), &Pool{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a"}}); err != nil {
		t.Fatal(err)
	}
	w.expect(t, 1)
	if len(w.expectations) != 0 {
		t.Errorf("still waits: %v", w.expectations)
	}
}
