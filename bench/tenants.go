package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/sync/errgroup"
)

// newKey makes a key of a gateway, as openssl rand -base64 32 does.
func newKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails since Go 1.24
	return base64.StdEncoding.EncodeToString(key)
}

// tenants are applications of a gateway with a portal, and who may send for them.
type tenants struct {
	*server
	token string
	ids   []string
}

// newTenants makes a token with the gateway's own command, and then, with the API, an
// application for each list of URLs, with an endpoint for each URL.
func newTenants(ctx context.Context, binary string, s *server, urls [][]string) (*tenants, error) {
	cmd := exec.CommandContext(ctx, binary, "webhook", "token")
	cmd.Env, cmd.Stderr = append(os.Environ(), "HOME="+s.dir, "HOOKGATE_KEY="+s.key), os.Stderr
	token, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("webhook token: %w", err)
	}
	t := &tenants{server: s, token: strings.TrimSpace(string(token)), ids: make([]string, len(urls))}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, of := range urls {
		group.Go(func() (err error) {
			if t.ids[i], err = t.create(ctx, "/app", map[string]any{"name": fmt.Sprintf("Tenant %d", i)}); err != nil {
				return err
			}
			for _, url := range of {
				if _, err := t.create(ctx, "/app/"+t.ids[i]+"/endpoint", map[string]any{"url": url, "secret": secret}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return t, group.Wait()
}

// create makes something and returns its id.
func (t *tenants) create(ctx context.Context, path string, what map[string]any) (id string, err error) {
	body, err := json.Marshal(what)
	if err != nil {
		return "", err
	}
	var made struct {
		ID string `json:"id"`
	}
	answer, err := t.post(ctx, t.url+"/api/v1"+path, body, http.StatusCreated)
	if err == nil {
		err = json.Unmarshal(answer, &made)
	}
	return made.ID, err
}

func (t *tenants) post(ctx context.Context, url string, body []byte, status int) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = t.header()
	response, err := t.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != status {
		err = fmt.Errorf("%s: POST %s: %s: %.200s", t.name, url, response.Status, answer)
	}
	return answer, err
}

func (t *tenants) header() http.Header {
	return http.Header{"Authorization": {"Bearer " + t.token}, "Content-Type": {"application/json"}}
}

// message returns the request that sends a payload for an application.
func (t *tenants) message(app int, payload []byte) vegeta.Target {
	return vegeta.Target{
		Method: http.MethodPost, URL: t.url + "/api/v1/app/" + t.ids[app] + "/msg?with_content=false", Header: t.header(),
		Body: append(append([]byte(`{"eventType":"order.paid","payload":`), payload...), '}'),
	}
}
