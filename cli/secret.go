package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// maxSecretFile bounds what is read of a file that holds a secret, in bytes.
const maxSecretFile = 64 << 10

// secretFlags say where secrets are. None of them takes the secret itself: other
// users of the machine can see the arguments of a process, and shells keep them.
type secretFlags struct {
	refs  []secretRef // in the order of the arguments
	stdin bool
}

// secretRef is where one secret is.
type secretRef struct {
	env, file string // standard input if both are empty
}

func (r secretRef) String() string {
	switch {
	case r.env != "":
		return "$" + r.env
	case r.file != "":
		return r.file
	default:
		return "standard input"
	}
}

func (s *secretFlags) register(flags *pflag.FlagSet) {
	flags.Var(&secretFlag{"name", func(v string) { s.refs = append(s.refs, secretRef{env: v}) }},
		"secret-env", "Environment variable that holds a secret (repeatable, for rotation)")
	flags.Var(&secretFlag{"path", func(v string) { s.refs = append(s.refs, secretRef{file: v}) }},
		"secret-file", "File that holds a secret (repeatable); one trailing newline is no part of it")
	flags.BoolVar(&s.stdin, "secret-stdin", false, "Read a secret from standard input, like a file")
}

// secretFlag appends its values to a list that several flags share.
type secretFlag struct {
	kind string
	add  func(string)
}

func (f *secretFlag) String() string { return "" }
func (f *secretFlag) Type() string   { return f.kind }

func (f *secretFlag) Set(value string) error {
	if value == "" {
		return errors.New("it names nothing")
	}
	f.add(value)
	return nil
}

// read returns the texts of the secrets. White space within them is left alone,
// so that verify can say that it is there.
func (s *secretFlags) read(in *stdin) ([]string, error) {
	if s.stdin {
		s.refs = append(s.refs, secretRef{})
		s.stdin = false
	}
	if len(s.refs) == 0 {
		return nil, errors.New("there is no secret; name one with --secret-env, --secret-file or --secret-stdin")
	}
	var secrets []string
	for _, ref := range s.refs {
		secret, err := ref.read(in)
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(secret) == "" {
			return nil, fmt.Errorf("the secret in %s is empty", ref)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

func (r secretRef) read(in *stdin) (string, error) {
	if r.env != "" {
		secret, ok := os.LookupEnv(r.env)
		if !ok {
			return "", fmt.Errorf("the environment variable %s is not set; export it before", r.env)
		}
		return secret, nil
	}
	var data []byte
	var err error
	if r.file == "" {
		data, err = in.read("the secret")
	} else {
		data, err = readSecretFile(r.file)
	}
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}

func readSecretFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err == nil && len(data) > maxSecretFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxSecretFile)
	}
	return data, err
}
