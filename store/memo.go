package store

import lru "github.com/hashicorp/golang-lru/v2"

// Memo remembers what was read of the tables that packages keep of their own, until one of
// them may have changed: with each transaction of [Store.Do]. Who has been told of a
// change therefore finds it, as by reading. If others may change the database, too, or
// while it cannot be read, nothing is remembered. It is safe for concurrent use.
type Memo[K comparable, V any] struct {
	store *Store
	known *lru.Cache[K, memo[V]]
}

type memo[V any] struct {
	value   V
	version int64
}

// NewMemo returns one that remembers nothing, and at most so much at once.
func NewMemo[K comparable, V any](s *Store, most int) *Memo[K, V] {
	known, _ := lru.New[K, memo[V]](most) // it errs about the size only
	return &Memo[K, V]{s, known}
}

// Get returns what is remembered, and how things stand, which Put has to be told.
func (m *Memo[K, V]) Get(key K) (value V, ok bool, at int64) {
	at = m.store.version()
	if at == 0 {
		return value, false, 0
	}
	found, ok := m.known.Get(key)
	if !ok || found.version != at {
		return value, false, at
	}
	return found.value, true, at
}

// Put remembers what was read since Get.
func (m *Memo[K, V]) Put(key K, value V, at int64) {
	if at != 0 {
		m.known.Add(key, memo[V]{value, at})
	}
}

// version counts, from 1, the transactions that may have changed what packages keep; 0 if
// nobody knows what has.
func (s *Store) version() int64 {
	if s.db.Standing().Shared || s.unreadable() != nil {
		return 0
	}
	return s.changes.Load()
}

// changed begins another version, before anybody is told of the transaction. One that has
// failed counts, too: it may be found in the file when that is opened anew.
func (s *Store) changed(batch []*work) {
	for _, w := range batch {
		if w.do != nil {
			s.changes.Add(1)
			return
		}
	}
}
