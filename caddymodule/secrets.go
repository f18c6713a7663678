package caddymodule

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// secretInterval is how often files that hold secrets are read again.
const secretInterval = 30 * time.Second

// secretSet is the secrets for one purpose, as configured and as last read.
type secretSet struct {
	owner  string // for people
	refs   []string
	values []string
	files  bool
}

// readSecrets resolves placeholders. Its errors say whose secrets they are, and name
// the placeholder, never a value.
func readSecrets(owner string, refs []string, logger *slog.Logger) (*secretSet, error) {
	set := &secretSet{owner: owner, refs: refs}
	if len(refs) == 0 {
		return nil, fmt.Errorf("%s: there is no secret; write {env.NAME} or {file./absolute/path}", owner)
	}
	for i, ref := range refs {
		value, err := resolveSecret(ref)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", owner, err)
		}
		set.values = append(set.values, value)
		switch {
		case strings.HasPrefix(ref, filePrefix):
			set.files = true
		case !strings.HasPrefix(ref, envPrefix):
			logger.Warn("a secret stands in the configuration, where GET /config/ and the autosave file show it; use {env.NAME} or {file./absolute/path}",
				slog.String("of", owner), slog.Int("secret", i+1))
		}
	}
	return set, nil
}

const (
	envPrefix  = "{env."
	filePrefix = "{file."
)

// resolveSecret returns the text of one secret. Only whole placeholders of the
// environment and of files are expanded, and only now: one that depended on the
// request would let the request choose the secret.
func resolveSecret(ref string) (string, error) {
	inner := strings.TrimSuffix(ref, "}")
	placeholder := inner != ref && strings.HasPrefix(ref, "{")
	switch {
	case placeholder && strings.HasPrefix(ref, envPrefix):
		name := inner[len(envPrefix):]
		value, ok := os.LookupEnv(name)
		if !ok || strings.TrimSpace(value) == "" {
			return "", fmt.Errorf("%s: the environment variable %s is not set or empty; set it before Caddy starts", ref, name)
		}
		return value, nil
	case placeholder && strings.HasPrefix(ref, filePrefix):
		value, err := readSecretFile(inner[len(filePrefix):])
		if err != nil {
			return "", fmt.Errorf("%s: %w", ref, err)
		}
		return value, nil
	case placeholder && strings.HasPrefix(ref, "{http.request.uri.path.file."):
		return "", fmt.Errorf("%s: a secret's file needs an absolute path: {file./run/secrets/name}", ref)
	case placeholder:
		return "", fmt.Errorf("%s: a secret is read when the configuration loads, so that only {env.NAME} and {file./absolute/path} can stand for it", ref)
	case strings.Contains(ref, envPrefix) || strings.Contains(ref, filePrefix):
		return "", errors.New("a placeholder stands for the whole secret: write {env.NAME} or {file./absolute/path} alone, with the prefix inside the variable or file")
	case ref == "":
		return "", errors.New("a secret is empty; with {$NAME}, that variable is not set: write {env.NAME}")
	}
	return ref, nil
}

func readSecretFile(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", errors.New("a secret's file needs an absolute path: {file./run/secrets/name}")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	value, err := verifier.ReadSecret(f)
	if err == nil && strings.TrimSpace(value) == "" {
		err = errors.New("the file is empty")
	}
	return value, err
}

// refresh reads the files again, and applies what has changed: at once, or not at all
// if it cannot be used; then the old secrets stay in force.
func (s *secretSet) refresh(logger *slog.Logger, apply func(values []string) error) {
	if !s.files {
		return
	}
	values := slices.Clone(s.values)
	for i, ref := range s.refs {
		if !strings.HasPrefix(ref, filePrefix) {
			continue
		}
		value, err := resolveSecret(ref)
		if err != nil {
			logger.Error("cannot read a secret again; the old one stays in force",
				slog.String("of", s.owner), slog.Int("secret", i+1), slog.Any("error", err))
			return
		}
		values[i] = value
	}
	if slices.Equal(values, s.values) {
		return
	}
	if err := apply(values); err != nil {
		logger.Error("a changed secret cannot be used; the old one stays in force", slog.String("of", s.owner), slog.Any("error", err))
		return
	}
	s.values = values
	logger.Info("secrets changed", slog.String("of", s.owner))
}
