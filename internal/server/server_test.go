package server

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/account"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

func TestServer_connection(t *testing.T) {
	_, addr := startServer(t, memoryConfig(t, 8))
	c := dial(t, addr)
	c.want("PING", "+PONG\r\n")
	c.want("ECHO hi", "$2\r\nhi\r\n")
	c.want("SELECT 8", "+OK\r\n")
	c.want("SELECT 9", "-ERR DB index is out of range\r\n")
	c.want("TIME", "*2\r\n$10\r\n1795348800\r\n$1\r\n0\r\n")
	c.want("CLIENT SETNAME me", "+OK\r\n")
	c.want("CLIENT GETNAME", "$2\r\nme\r\n")
	c.want("CLIENT SETINFO LIB-NAME x", "+OK\r\n")
	if got := c.do("CLIENT LIST"); !strings.Contains(got, "name=me") || !strings.Contains(got, "lib-name=x") {
		t.Errorf("CLIENT LIST: %q", got)
	}
	c.wantPrefix("HELLO 3", "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n")
	c.want("CONFIG GET save", "%1\r\n$4\r\nsave\r\n$0\r\n\r\n")
	c.want("RESET", "+RESET\r\n")
	c.want("CONFIG GET appendonly", "*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n")
	c.want("QUIT", "+OK\r\n")
	if got := c.reply(); got != "closed" {
		t.Errorf("after QUIT: %q", got)
	}
}

func TestServer_info(t *testing.T) {
	cfg := memoryConfig(t, 2)
	cfg.Info = func() []account.Section {
		return []account.Section{{Name: "Dunlin", Fields: [][2]string{{"durability", "none\r\nx"}}}}
	}
	_, addr := startServer(t, cfg)
	c := dial(t, addr)
	all := c.do("INFO")
	for _, want := range []string{
		"redis_version:7.0.15\r\n", "dunlin_version:test\r\n", "connected_clients:1\r\n",
		"loading:0\r\n", "role:master\r\n", "# Dunlin\r\ndurability:none  x\r\n", "tcp_port:" + addr[len("127.0.0.1:"):],
	} {
		if !strings.Contains(all, want) {
			t.Errorf("INFO lacks %q:\n%s", want, all)
		}
	}
	if got := c.do("INFO clients"); strings.Contains(got, "redis_version") || !strings.Contains(got, "# Clients") {
		t.Errorf("INFO clients: %q", got)
	}
}

func TestServer_password(t *testing.T) {
	cfg := memoryConfig(t, 2)
	cfg.Password = "secret"
	_, addr := startServer(t, cfg)
	c := dial(t, addr)
	c.want("PING", "-NOAUTH Authentication required.\r\n")
	c.want("AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled.\r\n")
	c.want("AUTH other secret", "-WRONGPASS invalid username-password pair or user is disabled.\r\n")
	c.wantPrefix("HELLO 3", "-NOAUTH HELLO must be called")
	c.want("AUTH secret", "+OK\r\n")
	c.want("PING", "+PONG\r\n")
	c.want("RESET", "+RESET\r\n")
	c.want("PING", "-NOAUTH Authentication required.\r\n")
	c.wantPrefix("HELLO 3 AUTH default secret SETNAME n", "%7\r\n")
}

func TestServer_peerCommands(t *testing.T) {
	_, addr := startServer(t, memoryConfig(t, 2))
	c := dial(t, addr)
	c.want("DN.EPOCH", "$5\r\ne1+e2\r\n")
	c.want("DN.PERIODS", "*0\r\n")
	c.want("DN.HEADS", "*2\r\n:0\r\n:0\r\n")
	c.want("DN.DIGEST 2026-11-22", "*3\r\n:0\r\n:0\r\n$32\r\n"+strings.Repeat("0", 32)+"\r\n")
	c.want("DN.DIGEST 2026-11-22 KEYS", "*0\r\n")
	c.want("DN.DIGEST today", "-ERR want a period in the layout 2006-01-02\r\n")
	c.want("DN.HOURSUMS 2026-11-22T11 2026-11-22:h:m", "*1\r\n$0\r\n\r\n")
	c.want("DN.HOURSUMS 2026-11-22T11 plain", "-ERR bad series key: plain key\r\n")
	c.want("DN.DROP 2026-11-22", "-ERR only a period before the current one, 2026-11-22, can be dropped\r\n")
	c.want("DN.DROP 2026-11-21", ":0\r\n")
	c.want("SELECT 2", "+OK\r\n")
	c.want("DN.EPOCH", "$2\r\ne2\r\n")
}

// TestServer_sameAsRedis compares what a connection says with a real redis-server.
func TestServer_sameAsRedis(t *testing.T) {
	redis := redistest.Start(t, "--databases", "9").Addr
	_, addr := startServer(t, memoryConfig(t, 8))
	for _, script := range []string{
		"INCRBYFLOAT a 0xfp05557|INCRBYFLOAT b 0x1p16383|INCRBYFLOAT c 0x1p16384|INCRBYFLOAT d 0x1p-16445|" +
			"INCRBYFLOAT e 0x1p-16447|INCRBYFLOAT f 0x.8|INCRBYFLOAT g 0x0p99999999999|INCRBYFLOAT h 0x1_0",
		"PING|PING a|PING a b|ECHO|ECHO a b|ECHO \"\"",
		"FOO|FOO a b c|foo \"\"|get|GET a b|SELECT|SELECT x|SELECT 99|SELECT -1|SELECT 9",
		"FOO " + strings.Repeat("x", 100) + " " + strings.Repeat("y", 100) + " z|" + strings.Repeat("N", 200) + " a",
		"MULTI|MULTI|EXEC|EXEC|DISCARD|MULTI|DISCARD|MULTI|PING|EXEC|MULTI|FOO|PING|EXEC|PING",
		"MULTI|GET|EXEC|MULTI|EXEC|MULTI|ECHO a|PING b|QUIT",
		"AUTH x|AUTH default x|AUTH a x|AUTH a b c|HELLO 4|HELLO x|HELLO 3 FOO|HELLO 2 AUTH|HELLO 2 SETNAME a\tb",
		"CLIENT GETNAME|CLIENT SETNAME a|CLIENT GETNAME|CLIENT FOO|CLIENT|CLIENT SETNAME|CONFIG|CONFIG FOO|CONFIG GET",
		"CONFIG GET save|CONFIG GET appendonly|CONFIG SET foo bar|CONFIG RESETSTAT|COMMAND COUNT x|COMMAND FOO",
		"RESET|PING|COMMAND GETKEYS get a|COMMAND GETKEYS ping|COMMAND GETKEYS foo|COMMAND GETKEYS get|" +
			"COMMAND GETKEYS ping x",
	} {
		a, b := dial(t, redis), dial(t, addr)
		for _, line := range strings.Split(script, "|") {
			want, got := a.do(line), b.do(line)
			if want != got {
				t.Errorf("%s\nredis %q\n  got %q", line, want, got)
			}
		}
	}
	for _, raw := range []string{
		"*1\r\n$x\r\n", "*x\r\n", "*1\r\n:1\r\n", "*2147483648\r\n", "*1\r\n$-5\r\n", "PING \"a b\"\r\n", "PING 'it\\'s'\n",
		"PING \"\\x41\\n\"\r\n", "PING \"a\r\n", "PING \"a\"b\r\n", "\r\n\r\nPING\r\n", "*0\r\nPING\r\n", "*-1\r\nPING\r\n",
	} {
		a, b := dial(t, redis), dial(t, addr)
		a.send(raw)
		b.send(raw)
		if want, got := a.reply(), b.reply(); want != got {
			t.Errorf("%q\nredis %q\n  got %q", raw, want, got)
		}
	}
}

func TestServer_manyClients(t *testing.T) {
	_, addr := startServer(t, memoryConfig(t, 4))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			c := dial(t, addr)
			for range 50 {
				c.want("PING", "+PONG\r\n")
				c.wantPrefix("CLIENT LIST", "$")
				c.wantPrefix("INFO", "$")
				c.send(strings.Repeat(encode([]string{"ECHO", "x"}), 100))
				for range 100 {
					if got := c.reply(); got != "$1\r\nx\r\n" {
						t.Errorf("client %d: %q", i, got)
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestServer_reapsExpiredKeys: keys that nobody asks for go, too, once the clock has passed them.
func TestServer_reapsExpiredKeys(t *testing.T) {
	var passed atomic.Int64
	cfg := memoryConfig(t, 4)
	cfg.Clock = func() time.Time { return testNow.Add(time.Duration(passed.Load())) }
	s, addr := startServer(t, cfg)
	c := dial(t, addr)
	for i := range 3000 {
		c.send(encode([]string{"SET", fmt.Sprintf("k%d", i), "v", "EX", fmt.Sprint(10 + 90*(i%2))}))
	}
	for range 3000 {
		if got := c.reply(); got != "+OK\r\n" {
			t.Fatal(got)
		}
	}
	held := func() (keys int) {
		for _, sl := range s.slots {
			tx := sl.Shard.Begin()
			keys += sl.Plain.Len()
			tx.End()
		}
		return keys
	}
	if n := held(); n != 3000 {
		t.Errorf("%d keys before any has expired", n)
	}
	passed.Store(int64(11 * time.Second))
	for end := time.Now().Add(20 * time.Second); held() != 1500; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d keys are left, want 1500", held())
		}
	}
}

// TestServer_configSet: what has no effect is not answered with OK.
func TestServer_configSet(t *testing.T) {
	_, addr := startServer(t, memoryConfig(t, 1))
	c := dial(t, addr)
	c.want("CONFIG SET appendonly no", "+OK\r\n")
	c.want("CONFIG SET maxmemory 0 MAXMEMORY-POLICY NoEviction", "+OK\r\n")
	c.wantPrefix("CONFIG SET maxmemory 100mb appendonly yes",
		"-ERR CONFIG SET failed (possibly related to argument 'appendonly') - it stays \"no\": only maxmemory and")
	c.wantPrefix("CONFIG SET databases 99", "-ERR CONFIG SET failed ")
	c.want("CONFIG SET foo bar", "-ERR Unknown option or number of arguments for CONFIG SET - 'foo'\r\n")
	c.want("CONFIG GET maxmemory", "*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n")
	if info := c.do("INFO memory"); !strings.Contains(info, "maxmemory:0\r\n") {
		t.Errorf("INFO: %q", info)
	}
}
