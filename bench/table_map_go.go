// Table over what the standard library offers: the baselines.
//
// See doc.go for an overview.

package bench

import (
	"sync"

	"github.com/slabrcu/slabrcu/smp"
)

// mutexMap is a map behind one mutex.
type mutexMap struct{ *mutexMapState }

type mutexMapState struct {
	mu sync.Mutex
	m  map[uint64]tableValue // guarded by mu
}

func newMutexMap() mutexMap {
	return mutexMap{&mutexMapState{m: map[uint64]tableValue{}}}
}

func (t mutexMap) load(key uint64) (tableValue, bool) {
	t.mu.Lock()
	v, ok := t.m[key]
	t.mu.Unlock()
	return v, ok
}

func (t mutexMap) store(key uint64, v tableValue) error {
	t.mu.Lock()
	t.m[key] = v
	t.mu.Unlock()
	return nil
}

func (t mutexMap) remove(key uint64) {
	t.mu.Lock()
	delete(t.m, key)
	t.mu.Unlock()
}

// shardedMap is 64 maps, each behind a RWMutex.
type shardedMap struct{ shards *[64]mapShard }

type mapShard struct {
	mu sync.RWMutex
	m  map[uint64]tableValue // guarded by mu
	_  [smp.LinePad]byte
}

func newShardedMap() shardedMap {
	t := shardedMap{new([64]mapShard)}
	for i := range t.shards {
		t.shards[i].m = map[uint64]tableValue{}
	}
	return t
}

// of returns the shard of a key: the top bits of a product, which is as cheap as
// a sharding can be.
func (t shardedMap) of(key uint64) *mapShard {
	return &t.shards[key*0x9e3779b97f4a7c15>>58]
}

func (t shardedMap) load(key uint64) (tableValue, bool) {
	s := t.of(key)
	s.mu.RLock()
	v, ok := s.m[key]
	s.mu.RUnlock()
	return v, ok
}

func (t shardedMap) store(key uint64, v tableValue) error {
	s := t.of(key)
	s.mu.Lock()
	s.m[key] = v
	s.mu.Unlock()
	return nil
}

func (t shardedMap) remove(key uint64) {
	s := t.of(key)
	s.mu.Lock()
	delete(s.m, key)
	s.mu.Unlock()
}

// syncMap is sync.Map. Values are boxed, as a program must.
type syncMap struct{ m *sync.Map }

func newSyncMap() syncMap { return syncMap{new(sync.Map)} }

func (t syncMap) load(key uint64) (tableValue, bool) {
	v, ok := t.m.Load(key)
	if !ok {
		return tableValue{}, false
	}
	return v.(tableValue), true
}

func (t syncMap) store(key uint64, v tableValue) error {
	t.m.Store(key, v)
	return nil
}

func (t syncMap) remove(key uint64) { t.m.Delete(key) }
