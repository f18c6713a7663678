package caddymodule

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/gateway"
)

// Refresh does at once what the running configuration does every secretInterval.
func Refresh() error {
	app, err := theApp(caddy.ActiveContext())
	if err != nil {
		return err
	}
	app.refresh()
	return nil
}

// References returns how many configurations hold the state of a source, and the
// process.
func References(source string) (state, process int) {
	state, _ = states.References(source)
	process, _ = processes.References(theProcess)
	return state, process
}

// BodiesHeld is how many bytes unverified bodies hold.
func BodiesHeld() (n int64) {
	processes.Range(func(_, value any) bool {
		n = value.(pooled[*gateway.Process]).value.Bodies.Used()
		return true
	})
	return n
}
