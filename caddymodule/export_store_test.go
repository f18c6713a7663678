package caddymodule

import "github.com/hookgate/hookgate/store"

// Counts returns how many deliveries of a destination are pending and dead in any
// open store.
func Counts(destination string) (c store.Count, ok bool) {
	storages.Range(func(_, value any) bool {
		c, ok = value.(*storage).store.Counts()[destination]
		return !ok
	})
	return c, ok
}

// Open is how many stores are open.
func Open() (n int) {
	storages.Range(func(any, any) bool { n++; return true })
	return n
}
