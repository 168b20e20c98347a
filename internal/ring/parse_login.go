package ring

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/dunlin-db/dunlin/internal/address"
)

const maxSecret = 64 << 10 // bytes of a password or certificate file

// loginKeys are the keys of an address.Login, of the flock and of a node.
const loginKeys = "password_file auth tls"

// login reads what it takes to log in, over what l has.
func (p *parser) login(l *address.Login, f map[string]field) error {
	var err error
	pw, hasPassword := f["password_file"]
	if auth, ok := f["auth"]; ok {
		if hasPassword {
			return p.fail(auth.key, ErrTwoPasswords, "")
		}
		if f, err = p.fields(auth.value, "auth", "user password_file"); err != nil {
			return err
		}
		user, hasUser := f["user"]
		pw, hasPassword = f["password_file"]
		if !hasUser || !hasPassword {
			return p.fail(auth.key, ErrMissing, "auth: {user: USER, password_file: FILE}")
		}
		if l.User, err = p.text(user.value, "user"); err != nil {
			return err
		}
	}
	if hasPassword {
		if l.Password, err = p.password(pw.value); err != nil {
			return err
		}
	}
	if t, ok := f["tls"]; ok {
		return p.tls(&l.TLS, t)
	}
	return nil
}

// tls reads the certificate files.
func (p *parser) tls(t *address.TLS, at field) error {
	f, err := p.fields(at.value, "tls", "ca_file cert_file key_file")
	if err != nil {
		return err
	}
	*t = address.TLS{}
	for _, file := range []struct {
		key string
		to  *string
	}{{"ca_file", &t.CA}, {"cert_file", &t.Cert}, {"key_file", &t.Key}} {
		named, ok := f[file.key]
		if !ok {
			continue
		}
		path, err := p.path(named.value, file.key)
		if err != nil {
			return err
		}
		if *file.to, err = readSecret(path); err != nil {
			return p.fail(named.value, ErrTLS, "%v", err)
		}
	}
	if _, err := t.Config(); err != nil {
		return p.fail(at.key, ErrTLS, "%v", err)
	}
	return nil
}

// path reads the name of a file, relative to the topology file.
func (p *parser) path(n *yaml.Node, what string) (string, error) {
	path, err := p.text(n, what)
	if err == nil && !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(p.file), path)
	}
	return path, err
}

// password reads a password file, whose path is relative to the topology file.
func (p *parser) password(n *yaml.Node) (string, error) {
	path, err := p.path(n, "password_file")
	if err != nil {
		return "", err
	}
	pw, err := ReadPassword(path)
	if err != nil {
		return "", p.fail(n, ErrPassword, "%v", err)
	}
	return pw, nil
}

// ReadPassword reads a password file: its text without the line break at the end, not empty, at most 64 KiB.
func ReadPassword(path string) (string, error) {
	pw, err := readSecret(path)
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	return strings.TrimRight(pw, "\r\n"), nil
}

// readSecret reads a small regular file that is not empty.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("open: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecret {
		return "", fmt.Errorf("%s: want a regular file of at most %d bytes", path, maxSecret)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read: %w", err)
	}
	if strings.TrimRight(string(data), "\r\n") == "" {
		return "", errors.New(path + ": the file is empty")
	}
	return string(data), nil
}
