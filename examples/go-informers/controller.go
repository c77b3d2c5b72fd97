package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

const prefix = "checksums-"

type controller struct {
	clients    kubernetes.Interface
	secrets    listers.SecretLister
	configMaps listers.ConfigMapLister
	queue      workqueue.TypedRateLimitingInterface[cache.ObjectName]
}

func newController(clients kubernetes.Interface, factory informers.SharedInformerFactory) *controller {
	c := &controller{
		clients:    clients,
		secrets:    factory.Core().V1().Secrets().Lister(),
		configMaps: factory.Core().V1().ConfigMaps().Lister(),
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(
			workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName](),
			workqueue.TypedRateLimitingQueueConfig[cache.ObjectName]{Name: name}),
	}
	listen(factory.Core().V1().Secrets().Informer(), func(secret metav1.Object) {
		c.queue.Add(cache.MetaObjectToName(secret))
	})
	listen(factory.Core().V1().ConfigMaps().Informer(), func(configMap metav1.Object) {
		if owner := metav1.GetControllerOf(configMap); owner != nil && owner.Kind == "Secret" {
			c.queue.Add(cache.NewObjectName(configMap.GetNamespace(), owner.Name))
		}
	})
	return c
}

func listen(informer cache.SharedIndexInformer, changed func(metav1.Object)) {
	handle := func(item any) {
		if gone, ok := item.(cache.DeletedFinalStateUnknown); ok {
			item = gone.Obj
		}
		if object, ok := item.(metav1.Object); ok {
			changed(object)
		}
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: handle, UpdateFunc: func(_, item any) { handle(item) }, DeleteFunc: handle,
	}); err != nil {
		klog.Fatalf("an informer that cannot be listened to: %v", err)
	}
}

// run works until ctx ends, and returns when the last worker has.
func (c *controller) run(ctx context.Context, factory informers.SharedInformerFactory, workers int) {
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for c.workOnOne(ctx) {
			}
		})
	}
	<-ctx.Done()
	c.queue.ShutDown()
	wait.Wait()
	factory.Shutdown()
}

func (c *controller) workOnOne(ctx context.Context) bool {
	key, shutdown := c.queue.Get()
	if shutdown {
		return false
	}
	defer c.queue.Done(key)
	if err := c.reconcile(ctx, key); err != nil {
		klog.Warningf("%s: %v; it is tried again", key, err)
		c.queue.AddRateLimited(key)
		return true
	}
	c.queue.Forget(key)
	return true
}

func (c *controller) reconcile(ctx context.Context, key cache.ObjectName) error {
	secret, err := c.secrets.Secrets(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		return nil // the garbage collector has the ConfigMap
	}
	if err != nil || secret.DeletionTimestamp != nil {
		return err
	}
	desired := configMapOf(secret)
	current, err := c.configMaps.ConfigMaps(key.Namespace).Get(desired.Name)
	if apierrors.IsNotFound(err) {
		_, err = c.clients.CoreV1().ConfigMaps(key.Namespace).Create(ctx, desired, metav1.CreateOptions{})
		return err
	}
	if err != nil || maps.Equal(current.Data, desired.Data) {
		return err
	}
	if !metav1.IsControlledBy(current, secret) {
		return fmt.Errorf("ConfigMap %s belongs to somebody else", current.Name)
	}
	changed := current.DeepCopy()
	changed.Data = desired.Data
	_, err = c.clients.CoreV1().ConfigMaps(key.Namespace).Update(ctx, changed, metav1.UpdateOptions{})
	return err
}

func configMapOf(secret *corev1.Secret) *corev1.ConfigMap {
	sums := make(map[string]string, len(secret.Data))
	for key, value := range secret.Data {
		sum := sha256.Sum256(value)
		sums[key] = hex.EncodeToString(sum[:])
	}
	owner := metav1.NewControllerRef(secret, corev1.SchemeGroupVersion.WithKind("Secret"))
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name: prefix + secret.Name, Namespace: secret.Namespace, OwnerReferences: []metav1.OwnerReference{*owner},
		},
		Data: sums,
	}
}
