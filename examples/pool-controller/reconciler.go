package main

import (
	"context"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

const (
	// poolLabel is on every PoolMember, with the name of its Pool.
	poolLabel = "pool.example.com/pool"

	// recheck is when a Pool is looked at again whose members the cache does not show yet. Usually the event that shows
	// them comes first.
	recheck = time.Second
)

// Reconciler keeps as many PoolMembers per Pool as its spec says, and never more. It works for one worker.
type Reconciler struct {
	// Client reads from the cache and writes to the API server.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader

	expectations expectations
}

// Reconcile creates the members that one Pool lacks and deletes those that are too many. All it knows of members is the
// cache, and what it has written itself.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	pool := &Pool{}
	err := r.Client.Get(ctx, req.NamespacedName, pool)
	if apierrors.IsNotFound(err) {
		r.expectations.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if err != nil || !pool.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, err
	}

	members, err := r.members(ctx, pool)
	if err != nil {
		return ctrl.Result{}, err
	}
	expected := r.expectations.of(req.NamespacedName)
	expected.observe(members)
	if err := r.forgetVanished(ctx, pool.Namespace, expected); err != nil {
		return ctrl.Result{}, err
	}
	if !expected.empty() {
		return ctrl.Result{RequeueAfter: recheck}, nil
	}

	for range pool.Spec.Replicas - len(members) {
		if err := r.create(ctx, pool, expected); err != nil {
			return ctrl.Result{}, err
		}
	}
	for _, member := range youngest(members, len(members)-pool.Spec.Replicas) {
		if err := r.delete(ctx, &member, expected); err != nil {
			return ctrl.Result{}, err
		}
	}
	return ctrl.Result{}, nil
}

func (r *Reconciler) members(ctx context.Context, pool *Pool) ([]PoolMember, error) {
	list := &PoolMemberList{}
	err := r.Client.List(ctx, list, client.InNamespace(pool.Namespace), client.MatchingLabels{poolLabel: pool.Name})
	return slices.DeleteFunc(list.Items, func(member PoolMember) bool {
		return !metav1.IsControlledBy(&member, pool)
	}), err
}

// forgetVanished stops waiting for members that were created and deleted before the cache could show them.
func (r *Reconciler) forgetVanished(ctx context.Context, namespace string, expected *pending) error {
	for name := range expected.created {
		err := r.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &PoolMember{})
		if apierrors.IsNotFound(err) {
			delete(expected.created, name)
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) create(ctx context.Context, pool *Pool, expected *pending) error {
	member := &PoolMember{ObjectMeta: metav1.ObjectMeta{
		Namespace:    pool.Namespace,
		GenerateName: pool.Name + "-",
		Labels:       map[string]string{poolLabel: pool.Name},
	}}
	if err := controllerutil.SetControllerReference(pool, member, r.Client.Scheme()); err != nil {
		return err
	}
	if err := r.Client.Create(ctx, member); err != nil {
		return err
	}
	expected.created[member.Name] = true
	ctrl.LoggerFrom(ctx).Info("Created PoolMember", "poolMember", member.Name)
	return nil
}

func (r *Reconciler) delete(ctx context.Context, member *PoolMember, expected *pending) error {
	err := r.Client.Delete(ctx, member, client.Preconditions{UID: &member.UID})
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	expected.deleted[member.Name] = true
	ctrl.LoggerFrom(ctx).Info("Deleted PoolMember", "poolMember", member.Name)
	return nil
}

// youngest returns that many of the members, those that were created last; none if count is not positive.
func youngest(members []PoolMember, count int) []PoolMember {
	slices.SortFunc(members, func(a, b PoolMember) int {
		return b.CreationTimestamp.Compare(a.CreationTimestamp.Time)
	})
	return members[:max(count, 0)]
}
