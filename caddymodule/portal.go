package caddymodule

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/portal"
)

func init() {
	caddy.RegisterModule(new(Portal))
	httpcaddyfile.RegisterHandlerDirective("webhook_portal", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		portal := new(Portal)
		return portal, portal.UnmarshalCaddyfile(h.Dispenser)
	})
	httpcaddyfile.RegisterDirectiveOrder("webhook_portal", httpcaddyfile.Before, "invoke")
}

// Portal serves the producer's side: the API that the Svix SDKs speak, below /api/v1, the
// pages of the portal, to which /webhook/app-portal-access/ leads, and temporary URLs, below
// /play. It wants a host of its own. The app needs a key.
type Portal struct {
	// Whose portal it is: shown on every page. Default: Webhooks.
	Brand string `json:"brand,omitempty"`

	// A file with the brand's icon, up to 65536 bytes: .svg, .png, .ico, .jpg, .webp or
	// .gif. It is read when the configuration loads. Default: ours.
	Icon string `json:"icon,omitempty"`

	app *App
}

// CaddyModule returns the Caddy module information.
func (*Portal) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.webhook_portal", New: func() caddy.Module { return new(Portal) }}
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	webhook_portal [<matcher>] {
//		brand <name> [<icon file>]
//	}
func (p *Portal) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.Errf("unexpected argument %q: webhook_portal has no arguments", d.Val())
	}
	for d.NextBlock(0) {
		if d.Val() != "brand" {
			return d.Errf("unknown option %q; there are brand", d.Val())
		}
		if p.Brand != "" {
			return d.Err("brand is given twice")
		}
		args := d.RemainingArgs()
		if len(args) < 1 || len(args) > 2 || args[0] == "" {
			return d.Err("brand needs a name, and may have an icon: brand <name> [<icon file>]")
		}
		p.Brand = args[0]
		if len(args) == 2 {
			p.Icon = args[1]
		}
		if d.NextBlock(1) {
			return d.Err("brand has no options")
		}
	}
	return nil
}

// Provision finds the app, and says that it has to produce.
func (p *Portal) Provision(ctx caddy.Context) (err error) {
	if p.app, err = theApp(ctx); err != nil {
		return err
	}
	b := brand{Name: p.Brand}
	if p.Icon != "" {
		if b.icon, b.mediaType, err = readIcon(p.Icon); err != nil {
			return fmt.Errorf("webhook_portal: brand: %w", err)
		}
	}
	return p.app.needPortal(b)
}

// brand is whose portal it is.
type brand struct {
	Name      string
	icon      []byte
	mediaType string
}

func (b brand) equals(other brand) bool {
	return b.Name == other.Name && b.mediaType == other.mediaType && bytes.Equal(b.icon, other.icon)
}

// maxIcon is the largest icon: pages load it.
const maxIcon = 64 << 10

// iconTypes are those of icons, by the ends of their names.
var iconTypes = map[string]string{
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif",
}

func readIcon(name string) (icon []byte, mediaType string, err error) {
	mediaType, ok := iconTypes[strings.ToLower(filepath.Ext(name))]
	if !ok {
		return nil, "", fmt.Errorf("icon %q: its name has to end with .svg, .png, .ico, .jpg, .webp or .gif", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, "", fmt.Errorf("icon: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	icon, err = io.ReadAll(io.LimitReader(f, maxIcon+1))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("icon: %w", err)
	case len(icon) == 0 || len(icon) > maxIcon:
		return nil, "", fmt.Errorf("icon %q: it has to have from 1 to %d bytes", name, maxIcon)
	}
	return icon, mediaType, nil
}

// ServeHTTP answers calls of the API and shows the portal, and leaves all else to the next
// handlers.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if !api.Serves(r) && !portal.Serves(r) {
		return next.ServeHTTP(w, r)
	}
	return p.app.serve(w, r)
}

var (
	_ caddy.Provisioner           = (*Portal)(nil)
	_ caddyfile.Unmarshaler       = (*Portal)(nil)
	_ caddyhttp.MiddlewareHandler = (*Portal)(nil)
)
