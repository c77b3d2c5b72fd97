package main

import "k8s.io/apimachinery/pkg/types"

// expectations remembers, for each Pool, the writes that the cache does not show yet. Whoever counts members in a cache
// that lags behind its own writes would create or delete too many. Not for concurrent use.
type expectations map[types.NamespacedName]*pending

// pending has names of PoolMembers.
type pending struct {
	created map[string]bool
	deleted map[string]bool
}

func (e expectations) of(pool types.NamespacedName) *pending {
	if e[pool] == nil {
		e[pool] = &pending{created: map[string]bool{}, deleted: map[string]bool{}}
	}
	return e[pool]
}

func (e expectations) forget(pool types.NamespacedName) {
	delete(e, pool)
}

// observe takes what the cache shows now.
func (p *pending) observe(members []PoolMember) {
	shown := map[string]bool{}
	for _, member := range members {
		shown[member.Name] = true
		delete(p.created, member.Name)
	}
	for name := range p.deleted {
		if !shown[name] {
			delete(p.deleted, name)
		}
	}
}

func (p *pending) empty() bool {
	return len(p.created) == 0 && len(p.deleted) == 0
}
