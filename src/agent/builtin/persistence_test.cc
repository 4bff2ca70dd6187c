// persistence and users.
#include <gtest/gtest.h>
#include <lastlog.h>
#include <sys/stat.h>
#include <utmp.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "agent/builtin/test_system.h"

namespace reachback::agent::builtin {
namespace {

class Persistence : public MadeUpSystem {
 protected:
  // "kind path detail", sorted.
  Texts places() const {
    Texts out;
    for (const auto& row : tell({"persistence"}).rows) {
      const auto text = [&](const char* name) {
        return row.at(name).is_null() ? std::string("-") : std::string(row.at(name).as_string());
      };
      out.push_back(text("kind") + " " + text("path") + " " + text("detail"));
    }
    std::sort(out.begin(), out.end());
    return out;
  }
};

TEST_F(Persistence, IsToldByItsKinds) {
  write("/etc/passwd",
        "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n"
        "twin:x:1001:1000::/home/alice:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n");
  write("/usr/lib/systemd/system/on.service", "[Service]\nExecStart=/bin/on\n");
  link("/usr/lib/systemd/system/on.service",
       "/etc/systemd/system/multi-user.target.wants/on.service");
  write("/usr/lib/systemd/system/off.service", "[Install]\nWantedBy=x.target\n");
  write("/usr/lib/systemd/system/s.socket", "[Socket]\nListenStream=/run/s\n");
  link("../s.socket", "/usr/lib/systemd/system/sockets.target.wants/s.socket");
  write("/etc/rc.local", "", 0755);
  write("/etc/init.d/sysv", "", 0755);
  write("/etc/profile");
  write("/etc/profile.d/x.sh");
  write("/home/alice/.bashrc");
  write("/home/alice/.ssh/authorized_keys",
        "# mine\nssh-ed25519 AAAAKEY alice@laptop at home\n"
        "from=\"10.0.0.1\",command=\"/bin/ssh me\" ssh-rsa AAAAOTHER\nrubbish\n");
  write("/etc/ld.so.preload", "/lib/evil.so\n");
  write("/etc/modules", "# none\nloop\n");
  write("/etc/modules-load.d/a.conf", "evil_mod\n; no\n");
  write("/etc/udev/rules.d/1.rules",
        "# RUN+=\"no\"\nACTION==\"add\", RUN+=\"/bin/evil\"\nACTION==\"add\", NAME=\"x\"\n");
  write("/etc/xdg/autostart/a.desktop", "[Desktop Entry]\nExec=/bin/auto\n");
  write("/home/alice/.config/autostart/b.desktop", "[Desktop Entry]\nExec=/bin/mine\n");
  write("/home/alice/.config/systemd/user/u.service", "[Service]\nExecStart=/bin/u\n");
  write("/etc/cron.d/job", "x");
  const Texts expected = {
      "authorized_key /home/alice/.ssh/authorized_keys not understood",
      "authorized_key /home/alice/.ssh/authorized_keys ssh-ed25519 alice@laptop at home",
      "authorized_key /home/alice/.ssh/authorized_keys ssh-rsa "
      "(from=\"10.0.0.1\",command=\"/bin/ssh me\")",
      "autostart /etc/xdg/autostart/a.desktop /bin/auto",
      "autostart /home/alice/.config/autostart/b.desktop /bin/mine",
      "cron /etc/cron.d/job -",
      "init_script /etc/init.d/sysv -",
      "kernel_module /etc/modules loop",
      "kernel_module /etc/modules-load.d/a.conf evil_mod",
      "ld_preload /etc/ld.so.preload /lib/evil.so",
      "profile /etc/profile -",
      "profile /etc/profile.d/x.sh -",
      "rc_local /etc/rc.local -",
      "shell_rc /home/alice/.bashrc -",
      "systemd_unit /usr/lib/systemd/system/on.service on.service: ExecStart=/bin/on",
      "systemd_unit /usr/lib/systemd/system/s.socket s.socket: ListenStream=/run/s",
      "udev_rule /etc/udev/rules.d/1.rules RUN+=\"/bin/evil\"",
      "user_unit /home/alice/.config/systemd/user/u.service ExecStart=/bin/u"};
  EXPECT_EQ(places(), expected);
  EXPECT_EQ(tell({"persistence"}).exit_code, 0);
}

TEST_F(Persistence, OfAUnitIsAllThatItRunsAndWhatSetsItOff) {
  const std::string units = "/usr/lib/systemd/system/";
  write(units + "a.service",
        "[Service]\nExecStartPre=/bin/pre\nExecStart=/bin/a\nExecStopPost=/bin/post\n"
        "ExecCondition=/bin/if\nExecReload=/bin/reload\nRestart=no\n");
  write(units + "a.timer", "[Timer]\nOnStartupSec=1\nOnUnitInactiveSec=2\nUnit=a.service\n");
  write(units + "a.socket", "[Socket]\nListenStream=1\nExecStartPost=/bin/s\n");
  write(units + "a.path", "[Path]\nPathExistsGlob=/x*\n");
  for (const char* name : {"a.service", "a.timer", "a.socket", "a.path"}) {
    link(units + name, "/etc/systemd/system/x.target.wants/" + std::string(name));
  }
  EXPECT_EQ(
      places(),
      (Texts{"systemd_unit " + units + "a.path a.path: PathExistsGlob=/x*",
             "systemd_unit " + units +
                 "a.service a.service: ExecCondition=/bin/if; ExecStartPre=/bin/pre; "
                 "ExecStart=/bin/a; ExecReload=/bin/reload; ExecStopPost=/bin/post",
             "systemd_unit " + units + "a.socket a.socket: ExecStartPost=/bin/s; ListenStream=1",
             "systemd_unit " + units + "a.timer a.timer: OnStartupSec=1; OnUnitInactiveSec=2"}));
}

TEST_F(Persistence, OfDropInsHasAKindOfItsOwn) {
  write("/etc/passwd", "alice:x:1000:1000::/home/alice:/bin/sh\n");
  write("/usr/lib/systemd/system/static.service", "[Service]\nExecStart=/bin/static\n");
  write("/etc/systemd/system/static.service.d/evil.conf", "[Service]\nExecStartPost=/bin/evil\n");
  write("/etc/systemd/system/static.service.d/README", "");
  write("/run/systemd/system/service.d/all.conf", "[Service]\nUser=x\n");
  write("/home/alice/.config/systemd/user/u.service.d/mine.conf", "[Service]\nExecStop=/bin/m\n");
  EXPECT_EQ(places(), (Texts{"systemd_drop_in /etc/systemd/system/static.service.d/evil.conf "
                             "ExecStartPost=/bin/evil",
                             "systemd_drop_in /run/systemd/system/service.d/all.conf -",
                             "user_drop_in /home/alice/.config/systemd/user/u.service.d/mine.conf "
                             "ExecStop=/bin/m"}));
}

TEST_F(Persistence, OfUdevIsEveryKeyThatRunsSomething) {
  write("/etc/udev/rules.d/1.rules",
        "ACTION==\"add\", PROGRAM==\"/bin/p \\\"RUN+=\\\"\", IMPORT{program}=\"/bin/i\", "
        "IMPORT{file}=\"/x\",RUN{builtin}+=\"kmod load x\"\n"
        "NAME=\"RUN\", RUN = \\\n# RUN=\"no\"\n  e\"/bin/\\\\\"\nENV{RUN}=\"no\", RUNS=\"no\"\n"
        "RUN:=\"/bin/last");
  const std::string rule = "udev_rule /etc/udev/rules.d/1.rules ";
  EXPECT_EQ(places(),
            (Texts{rule + "IMPORT{program}=\"/bin/i\"", rule + "PROGRAM==\"/bin/p \\\"RUN+=\\\"\"",
                   rule + "RUN = e\"/bin/\\\\\"", rule + "RUN:=\"/bin/last",
                   rule + "RUN{builtin}+=\"kmod load x\""}));
}

TEST_F(Persistence, OfAKeyIsToldByItsTypeWhateverItsOptionsSay) {
  write("/etc/passwd", "alice:x:1000:1000::/home/alice:/bin/sh\n");
  write("/home/alice/.ssh/authorized_keys",
        "command=\"ssh-agent sk-x AAAA\\\" x\" new-type AAAAKEY ssh-rsa AAAA\n"
        "webauthn-sk AAAAKEY\ncommand=\"x ssh-rsa\" AAAAKEY\nssh-rsa BBBB\n");
  const std::string key = "authorized_key /home/alice/.ssh/authorized_keys ";
  EXPECT_EQ(places(), (Texts{key + "new-type ssh-rsa AAAA (command=\"ssh-agent sk-x AAAA\\\" x\")",
                             key + "not understood", key + "not understood", key + "webauthn-sk"}));
}

TEST_F(Persistence, OfOneHomeIsBounded) {
  write("/etc/passwd",
        "alice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n"
        "carol:x:1002:1002::/home/carol:/bin/sh\n");
  const std::string units = "/.config/systemd/user/";
  for (int i = 0; i < 1002; ++i) {
    write("/home/alice" + units + std::to_string(i) + ".service", "");
  }
  write("/home/alice/.config/autostart/a.desktop");
  std::string keys;
  for (int i = 0; i < 1002; ++i) {
    keys += "ssh-rsa AAAAKEY " + std::to_string(i) + "\n";
  }
  write("/home/alice/.ssh/authorized_keys", keys);
  for (int i = 10; i < 28; ++i) {
    write("/home/bob" + units + std::to_string(i) + ".service",
          "[Service]\nExecStart=x\n" + std::string((1 << 20) - 22, '\n'));
  }
  write("/home/carol" + units + "c.service", "[Service]\nExecStart=c\n");
  const Told answer = tell({"persistence"});
  std::map<std::string, int> count;
  for (const auto& row : answer.rows) {
    ++count[std::string(row.at("kind").as_string()) + " " +
            std::string(row.at("path").as_string()).substr(0, 10)];
  }
  EXPECT_EQ(count, (std::map<std::string, int>{{"user_unit /home/alic", 1000},
                                               {"authorized_key /home/alic", 1000},
                                               {"user_unit /home/bob/", 18},
                                               {"user_unit /home/caro", 1}}));
  EXPECT_EQ(Told::of(answer.row("path", "\"/home/bob" + units + "25.service\""), "detail"),
            "\"ExecStart=x\"");
  EXPECT_EQ(Told::of(answer.row("path", "\"/home/bob" + units + "26.service\""), "detail"), "null");
  EXPECT_EQ(answer.notes,
            (Texts{"ReadFailed: /home/alice/.ssh/authorized_keys: only the first 1000 of its 1002 "
                   "keys were told",
                   "ReadFailed: /home/alice/.config/systemd/user: only 1000 of its names were "
                   "looked at",
                   "ReadFailed: /home/alice/.config/autostart: only 0 of its names were looked at",
                   "ReadFailed: /home/bob: only the first 16777216 bytes of its files were read"}));
}

TEST_F(Persistence, OfAMachineThatHasNoneIsNothing) {
  const Told answer = tell({"persistence"});
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_TRUE(answer.rows.empty());
  EXPECT_TRUE(answer.notes.empty());
}

TEST_F(Persistence, IsLookedForBehindLinksButNotInPipes) {
  write("/opt/evil.rules", "RUN+=\"/bin/evil\"\n");
  link("/opt/evil.rules", "/etc/udev/rules.d/e.rules");
  link("/none", "/etc/rc.local");
  ASSERT_EQ(::mkfifo(in("/etc/ld.so.preload").c_str(), 0600), 0);
  EXPECT_EQ(places(), (Texts{"rc_local /etc/rc.local -",
                             "udev_rule /etc/udev/rules.d/e.rules RUN+=\"/bin/evil\""}));
  const Told answer = tell({"persistence"});
  EXPECT_EQ(answer.notes, Texts{"ReadFailed: /etc/ld.so.preload: is a pipe, no file"});
  EXPECT_EQ(Told::of(answer.row("kind", "\"udev_rule\""), "real_path"), "\"/opt/evil.rules\"");
}

TEST_F(Persistence, UsersAreThoseOfTheFiles) {
  write("/etc/passwd",
        "root:x:0:0:Root:/root:/bin/bash\nalice:x:1000:1000:Alice:/home/alice:/bin/sh\n"
        "svc:x:999:999::/:/usr/sbin/nologin\nold:abc:998:999::/:/bin/sh\nopen::997:999::/:/bin/sh\n"
        "lost:x:996:999::/:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nbad line\n");
  write("/etc/group", "root:x:0:\nsudo:x:27:bob,,alice,\nalice:x:1000:\nsvc:x:999:alice\n");
  write("/etc/shadow", "root:$y$hash:1::::::\nalice::1::::::\nsvc:!*:1::::::\ntoor:*:1::::::\n");
  std::string sessions;
  for (const char* name : {"alice", "alice", "root", "alice"}) {
    struct utmp entry{};
    entry.ut_type = sessions.size() == 3 * sizeof entry ? DEAD_PROCESS : USER_PROCESS;
    std::memcpy(entry.ut_user, name, std::strlen(name));
    sessions.append(reinterpret_cast<const char*>(&entry), sizeof entry);
  }
  write("/run/utmp", sessions);
  struct lastlog last{};
  last.ll_time = 1'600'000'000;
  std::memcpy(last.ll_host, "10.0.0.7", 8);
  write("/var/log/lastlog", std::string(1000 * sizeof last, '\0') +
                                std::string(reinterpret_cast<const char*>(&last), sizeof last));
  const Told answer = tell({"users"});
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_EQ(answer.all("name"), (Texts{"\"root\"", "\"alice\"", "\"svc\"", "\"old\"", "\"open\"",
                                       "\"lost\"", "\"toor\""}));
  EXPECT_EQ(answer.all("uid"), (Texts{"0", "1000", "999", "998", "997", "996", "0"}));
  EXPECT_EQ(answer.all("password"), (Texts{"\"set\"", "\"empty\"", "\"locked\"", "\"set\"",
                                           "\"empty\"", "null", "\"locked\""}));
  EXPECT_EQ(answer.all("signed_in"), (Texts{"1", "2", "0", "0", "0", "0", "0"}));
  const auto alice = answer.row("name", "\"alice\"");
  EXPECT_EQ(Told::of(alice, "groups"), "[\"alice\",\"sudo\",\"svc\"]");
  EXPECT_EQ(Told::of(alice, "last_sign_in"), "\"2020-09-13T12:26:40Z\"");
  EXPECT_EQ(Told::of(alice, "last_sign_in_from"), "\"10.0.0.7\"");
  EXPECT_EQ(Told::of(answer.rows[0], "last_sign_in"), "null");
  EXPECT_EQ(answer.notes, Texts{"ReadFailed: /etc/passwd:8: cannot be understood"});
  for (const auto& row : answer.rows) {
    EXPECT_EQ(json::write(row).find("hash"), std::string::npos);
  }
}

TEST_F(Persistence, WhatASystemDoesNotKeepOfItsUsersIsUnknown) {
  write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
  const Told answer = tell({"users"});
  EXPECT_EQ(answer.all("password"), Texts{"null"});
  EXPECT_EQ(answer.all("signed_in"), Texts{"null"});
  EXPECT_EQ(answer.all("last_sign_in"), Texts{"null"});
  EXPECT_EQ(answer.all("groups"), Texts{"[]"});
}

}  // namespace
}  // namespace reachback::agent::builtin
