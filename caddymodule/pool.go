package caddymodule

import (
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/gateway"
)

// What outlives a reload: Caddy provisions and starts the new configuration
// before it stops the old one, so that a count of users bridges the two. An entry
// goes when the last configuration that uses it does.
var (
	processes = caddy.NewUsagePool()
	states    = caddy.NewUsagePool()
)

const theProcess = "process"

type pooled[T any] struct{ value T }

func (pooled[T]) Destruct() error { return nil } // memory only

func acquireProcess() (*gateway.Process, error) {
	v, _, err := processes.LoadOrNew(theProcess, func() (caddy.Destructor, error) {
		return pooled[*gateway.Process]{gateway.NewProcess(defaultBodyMemory, time.Now)}, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(pooled[*gateway.Process]).value, nil
}

func releaseProcess() { _, _ = processes.Delete(theProcess) }

func acquireState(source string) (*gateway.State, error) {
	v, _, err := states.LoadOrNew(source, func() (caddy.Destructor, error) {
		return pooled[*gateway.State]{new(gateway.State)}, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(pooled[*gateway.State]).value, nil
}

func releaseState(source string) { _, _ = states.Delete(source) }
