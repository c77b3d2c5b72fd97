package main

import (
	"context"
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

const (
	sumOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	sumOfBar     = "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"
)

func TestChecksums(t *testing.T) {
	for name, test := range map[string]struct {
		data map[string][]byte
		want map[string]string
	}{
		"no data":         {nil, map[string]string{}},
		"an empty entry":  {map[string][]byte{"a": {}}, map[string]string{"a": sumOfNothing}},
		"several entries": {map[string][]byte{"a.b": []byte("bar"), "c": nil}, map[string]string{"a.b": sumOfBar, "c": sumOfNothing}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := checksums(test.data); !maps.Equal(got, test.want) {
				t.Errorf("checksums = %v, want %v", got, test.want)
			}
		})
	}
}

// world is a Reconciler with an API server in memory. writes counts what it wrote.
type world struct {
	*Reconciler
	events chan string
	writes int
}

// newWorld makes a world with the objects. With staleCache, the reconciler's reads do not find any ConfigMap.
func newWorld(t *testing.T, staleCache bool, objects ...client.Object) *world {
	t.Helper()
	w := &world{events: make(chan string, 10)}
	api := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(objects...).Build()
	cached := interceptor.NewClient(api, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			if _, isConfigMap := obj.(*corev1.ConfigMap); isConfigMap && staleCache {
				return apierrors.NewNotFound(corev1.Resource("configmaps"), key.Name)
			}
			return c.Get(ctx, key, obj, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			w.writes++
			return c.Create(ctx, obj, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			w.writes++
			return c.Update(ctx, obj, opts...)
		},
	})
	w.Reconciler = &Reconciler{Client: cached, Live: api, Recorder: &events.FakeRecorder{Events: w.events}}
	return w
}

func (w *world) reconcile(t *testing.T) ctrl.Result {
	t.Helper()
	result, err := w.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "foo"}})
	if err != nil {
		t.Fatalf("Reconcile: %v", err)
	}
	return result
}

func (w *world) configMap(t *testing.T) *corev1.ConfigMap {
	t.Helper()
	configMap := &corev1.ConfigMap{}
	if err := w.Live.Get(t.Context(), types.NamespacedName{Namespace: "ns", Name: "checksums-foo"}, configMap); err != nil {
		t.Fatalf("get the ConfigMap: %v", err)
	}
	return configMap
}

func secret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "foo", UID: "secret-uid"},
		Data:       map[string][]byte{"a": []byte("bar")},
	}
}

func TestCreatesOwnedConfigMap(t *testing.T) {
	w := newWorld(t, false, secret())
	w.reconcile(t)

	got := w.configMap(t)
	if want := map[string]string{"a": sumOfBar}; !maps.Equal(got.Data, want) {
		t.Errorf("data = %v, want %v", got.Data, want)
	}
	owner := metav1.GetControllerOf(got)
	if owner == nil || owner.APIVersion != "v1" || owner.Kind != "Secret" || owner.Name != "foo" || owner.UID != "secret-uid" {
		t.Errorf("controller = %+v, want the Secret", owner)
	}
}

func TestUpdatesOnlyWhenDifferent(t *testing.T) {
	w := newWorld(t, false, secret())
	w.reconcile(t)
	configMap := w.configMap(t)
	configMap.Labels = map[string]string{"of": "somebody else"}
	configMap.Data = map[string]string{"a": "wrong", "b": "left over"}
	if err := w.Client.Update(t.Context(), configMap); err != nil {
		t.Fatal(err)
	}
	w.writes = 0

	w.reconcile(t)
	w.reconcile(t)
	got := w.configMap(t)
	if want := map[string]string{"a": sumOfBar}; !maps.Equal(got.Data, want) {
		t.Errorf("data = %v, want %v", got.Data, want)
	}
	if got.Labels["of"] != "somebody else" {
		t.Errorf("labels = %v, want them kept", got.Labels)
	}
	if w.writes != 1 {
		t.Errorf("%d writes, want 1", w.writes)
	}
}

func TestLeavesOthersConfigMapAlone(t *testing.T) {
	for name, staleCache := range map[string]bool{"found in the cache": false, "found by the create": true} {
		t.Run(name, func(t *testing.T) {
			others := &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "checksums-foo"},
				Data:       map[string]string{"mine": "alone"},
			}
			w := newWorld(t, staleCache, secret(), others)

			if result := w.reconcile(t); result.RequeueAfter != retryNotOurs {
				t.Errorf("requeued after %v, want %v", result.RequeueAfter, retryNotOurs)
			}
			if got := w.configMap(t); !maps.Equal(got.Data, others.Data) || len(got.OwnerReferences) != 0 {
				t.Errorf("the ConfigMap was changed: %v", got)
			}
			select {
			case event := <-w.events:
				if !strings.Contains(event, "ConfigMapNotOurs") {
					t.Errorf("event = %q", event)
				}
			default:
				t.Error("no event")
			}
		})
	}
}

func TestSkipsSecretsBeingDeleted(t *testing.T) {
	deleted := secret()
	deleted.Finalizers = []string{"test.example/wait"} // without one, the fake API server refuses a deletion timestamp
	deleted.DeletionTimestamp = &metav1.Time{Time: metav1.Now().Time}
	w := newWorld(t, false, deleted)
	w.reconcile(t)
	if w.writes != 0 {
		t.Errorf("%d writes, want none", w.writes)
	}
}

func TestIgnoresSecretsThatAreGone(t *testing.T) {
	w := newWorld(t, false)
	w.reconcile(t)
	if w.writes != 0 {
		t.Errorf("%d writes, want none", w.writes)
	}
}
