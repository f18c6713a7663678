package caddymodule_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// forged is every spelling in which a client could claim to be verified.
const forged = "Hookgate-Source: travtus\r\nhookgate-id: msg_1\r\nHOOKGATE-SCHEME: svix\r\n" +
	"Hookgate_Source: travtus\r\nhookgate_id: msg_1\r\nHookgate.Source: travtus\r\nHookgate-Idempotency-Key: travtus/msg_1\r\nHookgate-Via: x/travtus\r\n"

// TestNoWayRound sends unsigned requests with forged Hookgate-* headers, in every
// spelling of the path that some app might serve as the hook, to sites of every
// build. A lenient app behind must take none for verified. (H-05, H-12, B-20,
// pitfalls 11 and 55)
func TestNoWayRound(t *testing.T) {
	sites := map[string]string{
		"plain":       "%s\nreverse_proxy {app}",
		"handle":      "%s\nhandle /api/* {\nreverse_proxy {app}\n}\nhandle {\nreverse_proxy {app}\n}",
		"handle_path": "%s\nhandle_path /hooks/* {\nreverse_proxy {app}\n}\nreverse_proxy {app}",
		"try_files":   "%s\ntry_files {path} /hooks/travtus\nreverse_proxy {app}",
		"rewrite":     "%s\nrewrite * /hooks/travtus\nreverse_proxy {app}",
		"uri":         "%s\nuri strip_suffix .json\nuri path_regexp //+ /\nreverse_proxy {app}",
		"route":       "%s\nroute {\nreverse_proxy {app}\n}",
		"in_handle":   "handle {\n%s\nreverse_proxy {app}\n}",
		"in_route":    "route {\n%s\nreverse_proxy {app}\n}",
		"named":       "@h path /hooks/*\n%s\nreverse_proxy @h {app}\nreverse_proxy {app}",
	}
	targets := []string{
		"/hooks/travtus", "/hooks/travtus/", "/hooks/travtus;x", "/hooks/travtus.json", "//hooks/travtus", "/hooks//travtus",
		"/hooks%2ftravtus", "/hooks%2Ftravtus", "%2fhooks/travtus", "/%68ooks/travtus", "/HOOKS/travtus", "/Hooks/Travtus", "/hooks/TRAVTUS",
		"/./hooks/travtus", "/x/../hooks/travtus", "/hooks/../hooks/travtus", "/hooks/%2e%2e/hooks/travtus", "/hooks/travtus?x=1", "/hooks/travtus#x",
		"/hooks\\travtus", "/hooks", "/hook", "/", "/api/x", "http://example.com/hooks/travtus", "/;/hooks/travtus", "/hooks/travtus%00", "/hooks/travtus%20",
	}
	for name, site := range sites {
		t.Run(name, func(t *testing.T) {
			app := newApp(t)
			address := freeAddress(t)
			body := strings.ReplaceAll(fmt.Sprintf(site, "webhook /hooks* travtus {\nverify svix {env.SVIX}\n}"), "{app}", app.address())
			// Headers with _ and . pass Caddy's own filter here, as an operator may want.
			run(t, quiet+"servers {\nexpected_underscore_headers Hookgate_*\nexpected_dot_headers Hookgate.*\n}\n", "http://"+address+", http://example.com:"+port(address)+" {\n"+body+"\n}\n")
			for _, target := range targets {
				if strings.HasPrefix(target, "%") {
					target = "/" + target // an origin-form target begins with a slash
				}
				for _, method := range []string{"POST", "GET", "PUT"} {
					sendRaw(t, address, method+" "+target+" HTTP/1.1\r\nHost: "+address+"\r\nConnection: close\r\n"+forged+
						"Transfer-Encoding: chunked\r\nTrailer: Hookgate-Source\r\n\r\n2\r\n{}\r\n0\r\nHookgate-Source: travtus\r\n\r\n")
					for _, r := range app.take() {
						if believes(r) {
							t.Errorf("%s %s: the app believes %v %v", method, target, r.Header, r.Trailer)
						}
					}
				}
			}
			// The same site still lets the genuine event through, marked.
			status, _, text := send(t, svix(t, "http://"+address+"/hooks/travtus", "msg_genuine"))
			seen := app.take()
			if status != http.StatusOK || len(seen) != 1 || seen[0].Header.Get("Hookgate-Source") != "travtus" || seen[0].Header.Get("Hookgate-Id") != "msg_genuine" {
				t.Errorf("a genuine event: status %d %s, app saw %v", status, text, seen)
			}
		})
	}
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
