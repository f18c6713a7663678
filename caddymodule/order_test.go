package caddymodule_test

import (
	"bytes"
	"testing"
)

// TestOrder: what changes, answers or branches a request comes after webhook, so
// that a provider's signature is checked over what arrived and no way leads round
// the guard. One row for each standard directive.
func TestOrder(t *testing.T) {
	rows := []struct {
		directive, line, marker string
		first                   bool // the directive comes before webhook
	}{
		{"tracing", "tracing", `"handler": "tracing"`, true},
		{"map", "map {host} {x} {\n\t\tdefault 1\n\t}", `"handler": "map"`, true},
		{"vars", "vars a b", `"handler": "vars"`, true},
		{"root", "root /srv", `"root": "/srv"`, true},
		{"fs", "fs mine", `"fs": "mine"`, true},
		{"log_append", "log_append a b", `"handler": "log_append"`, true},
		{"log_skip", "log_skip", `"log_skip"`, true},
		{"log_name", "log_name x", `"access_logger_names"`, true},
		{"log_level", "log_level debug", `"log_level"`, true},
		{"header", "header X-A b", `"handler": "headers"`, true},
		{"request_body", "request_body {\n\t\tmax_size 1MB\n\t}", `"handler": "request_body"`, true},
		{"timeouts", "timeouts {\n\t\tread_timeout 1m\n\t}", `"handler": "timeouts"`, true},
		{"redir", "redir /a /b", `"Location"`, true},
		{"method", "method PUT", `"method": "PUT"`, false},
		{"rewrite", "rewrite /a /b", `"handler": "rewrite"`, false},
		{"uri", "uri strip_prefix /a", `"strip_path_prefix"`, false},
		{"try_files", "try_files a b", `"try_files"`, false},
		{"basic_auth", "basic_auth {\n\t\tbob $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n\t}", `"handler": "authentication"`, false},
		{"forward_auth", "forward_auth auth:80 {\n\t\turi /\n\t}", `"auth:80"`, false},
		{"request_header", "request_header X-A b", `"handler": "headers"`, false},
		{"encode", "encode", `"handler": "encode"`, false},
		{"push", "push /a", `"handler": "push"`, false},
		{"intercept", "intercept {\n\t\treplace_status 200\n\t}", `"handler": "intercept"`, false},
		{"templates", "templates", `"handler": "templates"`, false},
		{"webhook_health", "webhook_health", `"handler": "webhook_health"`, false},
		{"invoke", "invoke named", `"handler": "invoke"`, false},
		{"handle", "handle {\n\t\trespond inner\n\t}", `"body": "inner"`, false},
		{"handle_path", "handle_path /a {\n\t\trespond inner\n\t}", `"body": "inner"`, false},
		{"route", "route {\n\t\trespond inner\n\t}", `"body": "inner"`, false},
		{"abort", "abort", `"abort": true`, false},
		{"error", "error 500", `"handler": "error"`, false},
		{"respond", "respond outer", `"body": "outer"`, false},
		{"metrics", "metrics", `"handler": "metrics"`, false},
		{"reverse_proxy", "reverse_proxy app:80", `"handler": "reverse_proxy"`, false},
		{"php_fastcgi", "php_fastcgi php:9000", `"protocol": "fastcgi"`, false},
		{"file_server", "file_server", `"handler": "file_server"`, false},
		{"acme_server", "acme_server", `"handler": "acme_server"`, false},
	}
	for _, row := range rows {
		t.Run(row.directive, func(t *testing.T) {
			out, _, err := adapt("&(named) {\n\trespond x\n}\nexample.com {\n\t" + row.line +
				"\n\twebhook /hooks* a {\n\t\tverify svix {env.S}\n\t}\n}\n")
			if err != nil {
				t.Fatal(err)
			}
			source := bytes.Index(out, []byte(`"handler": "webhook"`))
			guard := bytes.Index(out, []byte(`"handler": "webhook_guard"`))
			other := bytes.Index(out, []byte(row.marker))
			if source < 0 || guard < source || other < 0 {
				t.Fatalf("source at %d, guard at %d, %s at %d in\n%s", source, guard, row.directive, other, out)
			}
			if row.first && other > source || !row.first && other < guard {
				t.Errorf("%s stands on the wrong side of webhook and its guard:\n%s", row.directive, out)
			}
		})
	}
}
