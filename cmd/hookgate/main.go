// Command hookgate is Caddy with the standard modules and Hookgate's, so that
// neither go run nor go build needs xcaddy.
package main

import (
	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/hookgate/hookgate/caddymodule"
)

func main() {
	caddy.CustomBinaryName = "hookgate"
	caddycmd.Main()
}
