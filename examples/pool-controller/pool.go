package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/scheme"
)

var groupVersion = schema.GroupVersion{Group: "pool.example.com", Version: "v1"}

// addPools registers the types of this file.
func addPools(s *runtime.Scheme) error {
	builder := &scheme.Builder{GroupVersion: groupVersion}
	return builder.Register(&Pool{}, &PoolList{}, &PoolMember{}, &PoolMemberList{}).AddToScheme(s)
}

// Pool asks for a number of PoolMembers.
type Pool struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              PoolSpec `json:"spec"`
}

// PoolSpec has no pointers: assigning it copies it.
type PoolSpec struct {
	Replicas int `json:"replicas"`
}

// PoolList is what the API server answers to a list.
type PoolList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Pool `json:"items"`
}

// PoolMember is one of the members of the Pool that controls it.
type PoolMember struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
}

// PoolMemberList is what the API server answers to a list.
type PoolMemberList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PoolMember `json:"items"`
}

// DeepCopyInto makes out an independent copy.
func (p *Pool) DeepCopyInto(out *Pool) {
	*out = *p
	p.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
}

// DeepCopyObject implements runtime.Object.
func (p *Pool) DeepCopyObject() runtime.Object {
	out := &Pool{}
	p.DeepCopyInto(out)
	return out
}

// DeepCopyObject implements runtime.Object.
func (l *PoolList) DeepCopyObject() runtime.Object {
	out := &PoolList{TypeMeta: l.TypeMeta}
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	out.Items = make([]Pool, len(l.Items))
	for i := range l.Items {
		l.Items[i].DeepCopyInto(&out.Items[i])
	}
	return out
}

// DeepCopyInto makes out an independent copy.
func (m *PoolMember) DeepCopyInto(out *PoolMember) {
	*out = *m
	m.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
}

// DeepCopyObject implements runtime.Object.
func (m *PoolMember) DeepCopyObject() runtime.Object {
	out := &PoolMember{}
	m.DeepCopyInto(out)
	return out
}

// DeepCopyObject implements runtime.Object.
func (l *PoolMemberList) DeepCopyObject() runtime.Object {
	out := &PoolMemberList{TypeMeta: l.TypeMeta}
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	out.Items = make([]PoolMember, len(l.Items))
	for i := range l.Items {
		l.Items[i].DeepCopyInto(&out.Items[i])
	}
	return out
}
