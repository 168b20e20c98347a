package keycmd

// Commands gives the commands on keys, by group.
func Commands() []Command {
	var all []Command
	for _, group := range [][]Command{genericCommands(), stringCommands(), setCommands(), zsetCommands()} {
		all = append(all, group...)
	}
	return all
}

func genericCommands() []Command {
	const w, all = Write, AllSlots
	return []Command{
		{"exists", -2, 1, -1, 1, 0, cmdExists},
		{"touch", -2, 1, -1, 1, 0, cmdExists},
		{"type", 2, 1, 1, 1, 0, cmdType},
		{"del", -2, 1, -1, 1, w, cmdDel},
		{"unlink", -2, 1, -1, 1, w, cmdDel},
		{"rename", 3, 1, 2, 1, w, cmdRename},
		{"renamenx", 3, 1, 2, 1, w, cmdRename},
		{"expire", -3, 1, 1, 1, w, cmdExpire},
		{"pexpire", -3, 1, 1, 1, w, cmdExpire},
		{"expireat", -3, 1, 1, 1, w, cmdExpire},
		{"pexpireat", -3, 1, 1, 1, w, cmdExpire},
		{"ttl", 2, 1, 1, 1, 0, cmdTTL},
		{"pttl", 2, 1, 1, 1, 0, cmdTTL},
		{"expiretime", 2, 1, 1, 1, 0, cmdTTL},
		{"pexpiretime", 2, 1, 1, 1, 0, cmdTTL},
		{"persist", 2, 1, 1, 1, w, cmdPersist},
		{"object", -2, 2, 2, 1, 0, cmdObject},
		{"memory", -2, 2, 2, 1, 0, cmdMemory},
		{"keys", 2, 0, 0, 0, all, cmdKeys},
		{"scan", -2, 0, 0, 0, all, cmdScan},
		{"dbsize", 1, 0, 0, 0, all, cmdDBSize},
		{"flushall", -1, 0, 0, 0, w | all, cmdFlush},
		{"flushdb", -1, 0, 0, 0, w | all, cmdFlush},
	}
}

func stringCommands() []Command {
	const w = Write
	return []Command{
		{"get", 2, 1, 1, 1, 0, cmdGet},
		{"set", -3, 1, 1, 1, w, cmdSet},
		{"setnx", 3, 1, 1, 1, w, cmdSetNX},
		{"setex", 4, 1, 1, 1, w, cmdSetEX},
		{"psetex", 4, 1, 1, 1, w, cmdSetEX},
		{"getset", 3, 1, 1, 1, w, cmdGetSet},
		{"getdel", 2, 1, 1, 1, w, cmdGetDel},
		{"strlen", 2, 1, 1, 1, 0, cmdStrlen},
		{"append", 3, 1, 1, 1, w, cmdAppend},
		{"mget", -2, 1, -1, 1, 0, cmdMGet},
		{"mset", -3, 1, -1, 2, w, cmdMSet},
		{"incr", 2, 1, 1, 1, w, cmdIncr},
		{"decr", 2, 1, 1, 1, w, cmdIncr},
		{"incrby", 3, 1, 1, 1, w, cmdIncr},
		{"decrby", 3, 1, 1, 1, w, cmdIncr},
		{"incrbyfloat", 3, 1, 1, 1, w, cmdIncrByFloat},
	}
}

func setCommands() []Command {
	const w = Write
	return []Command{
		{"sadd", -3, 1, 1, 1, w, cmdSAdd},
		{"srem", -3, 1, 1, 1, w, cmdSRem},
		{"spop", -2, 1, 1, 1, w, cmdSPop},
		{"smembers", 2, 1, 1, 1, 0, cmdSMembers},
		{"sismember", 3, 1, 1, 1, 0, cmdSIsMember},
		{"smismember", -3, 1, 1, 1, 0, cmdSIsMember},
		{"scard", 2, 1, 1, 1, 0, cmdSCard},
		{"sscan", -3, 1, 1, 1, 0, cmdSScan},
	}
}

func zsetCommands() []Command {
	const w = Write
	return []Command{
		{"zadd", -4, 1, 1, 1, w, cmdZAdd},
		{"zincrby", 4, 1, 1, 1, w, cmdZIncrBy},
		{"zrem", -3, 1, 1, 1, w, cmdZRem},
		{"zremrangebyrank", 4, 1, 1, 1, w, cmdZRemRange},
		{"zremrangebyscore", 4, 1, 1, 1, w, cmdZRemRange},
		{"zremrangebylex", 4, 1, 1, 1, w, cmdZRemRange},
		{"zpopmin", -2, 1, 1, 1, w, cmdZPop},
		{"zpopmax", -2, 1, 1, 1, w, cmdZPop},
		{"zcard", 2, 1, 1, 1, 0, cmdZCard},
		{"zcount", 4, 1, 1, 1, 0, cmdZCount},
		{"zlexcount", 4, 1, 1, 1, 0, cmdZCount},
		{"zscore", 3, 1, 1, 1, 0, cmdZScore},
		{"zmscore", -3, 1, 1, 1, 0, cmdZMScore},
		{"zrank", 3, 1, 1, 1, 0, cmdZRank},
		{"zrevrank", 3, 1, 1, 1, 0, cmdZRank},
		{"zrange", -4, 1, 1, 1, 0, cmdZRange},
		{"zrevrange", -4, 1, 1, 1, 0, cmdZRange},
		{"zrangebyscore", -4, 1, 1, 1, 0, cmdZRange},
		{"zrevrangebyscore", -4, 1, 1, 1, 0, cmdZRange},
		{"zrangebylex", -4, 1, 1, 1, 0, cmdZRange},
		{"zrevrangebylex", -4, 1, 1, 1, 0, cmdZRange},
		{"zscan", -3, 1, 1, 1, 0, cmdZScan},
	}
}
