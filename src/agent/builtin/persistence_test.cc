// persistence and users.
#include <gtest/gtest.h>
#include <lastlog.h>
#include <sys/stat.h>
#include <utmp.h>

#include <algorithm>
#include <cstring>

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
      "systemd_unit /usr/lib/systemd/system/on.service on.service: /bin/on",
      "systemd_unit /usr/lib/systemd/system/s.socket s.socket: ListenStream=/run/s",
      "udev_rule /etc/udev/rules.d/1.rules RUN+=\"/bin/evil\"",
      "user_unit /home/alice/.config/systemd/user/u.service /bin/u"};
  EXPECT_EQ(places(), expected);
  EXPECT_EQ(tell({"persistence"}).exit_code, 0);
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
  write("/etc/group", "root:x:0:\nsudo:x:27:bob,alice\nalice:x:1000:\nsvc:x:999:alice\n");
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
