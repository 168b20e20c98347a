package door

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/dunlin-db/dunlin/internal/address"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// TestConn_ways: a door is reached over TCP, a Unix socket and TLS with certificates on both sides, as a user with a
// password, and its bytes are counted on the wire.
func TestConn_ways(t *testing.T) {
	dir, err := os.MkdirTemp("", "dunlin") // t.TempDir is too long for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "redis.sock")
	r, secure, login := redistest.StartTLS(t, "--unixsocket", socket)
	r.Do("ACL", "SETUSER", "peer", "on", ">geheim", "+@all", "~*")
	login.User, login.Password = "peer", "geheim"
	stranger := login
	stranger.TLS = address.TLS{CA: login.TLS.CA}
	unknown := login
	unknown.TLS.CA = ""
	for name, c := range map[string]struct {
		url   string
		login address.Login
		why   string // matches the error, "" = it works; TLS 1.3 refuses a client only after the handshake
	}{
		"tcp":               {r.URL, address.Login{User: "peer", Password: "geheim"}, ""},
		"socket":            {"unix://" + socket, address.Login{User: "peer", Password: "geheim"}, ""},
		"tls":               {secure, login, ""},
		"no certificate":    {secure, stranger, "certificate|reset by peer|EOF|broken pipe"},
		"unknown authority": {secure, unknown, "certificate"},
		"password":          {r.URL, address.Login{User: "peer", Password: "falsch"}, "WRONGPASS"},
		"tls where none is": {"rediss://" + r.Addr, login, "tls with"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := New(Config{URL: c.url, Login: c.login})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			replies, _, err := d.Do(t.Context(), [][]string{{"ACL", "WHOAMI"}})
			switch {
			case c.why != "":
				if err == nil || !regexp.MustCompile(c.why).MatchString(err.Error()) {
					t.Fatalf("%v, want %q", err, c.why)
				}
			case err != nil:
				t.Fatal(err)
			default:
				if who, err := replies[0].ToString(); who != "peer" || err != nil || d.Bytes() == 0 {
					t.Fatalf("%q, %v, %d bytes", who, err, d.Bytes())
				}
			}
		})
	}
	for _, bad := range []Config{
		{URL: "http://h:1"},
		{URL: "redis://u:p@h:1"},
		{URL: secure, Login: address.Login{TLS: address.TLS{CA: "no certificate"}}},
		{URL: secure, Login: address.Login{TLS: address.TLS{Cert: login.TLS.Cert}}},
	} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
