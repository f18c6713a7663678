package caddymodule

import "github.com/caddyserver/caddy/v2"

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
