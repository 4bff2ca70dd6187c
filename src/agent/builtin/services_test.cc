// services and scheduledtasks.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "agent/builtin/test_child.h"
#include "agent/builtin/test_system.h"

namespace reachback::agent::builtin {
namespace {

constexpr std::string_view kInstall = "[Install]\nWantedBy=multi-user.target\n";

class Services : public MadeUpSystem {
 protected:
  // A unit in the vendor's folder.
  void unit(const std::string& name, std::string_view more = kInstall) const {
    write("/usr/lib/systemd/system/" + name, "[Unit]\nDescription=The " + name +
                                                 "\n[Service]\nExecStart=/bin/" + name + " -d\n" +
                                                 std::string(more));
  }
  void want(const std::string& name, const std::string& in_folder = "/etc/systemd/system") const {
    link("/usr/lib/systemd/system/" + name, in_folder + "/multi-user.target.wants/" + name);
  }
  std::string enabled(const std::string& name) const {
    return Told::of(tell({"services"}).row("name", "\"" + name + "\""), "enabled");
  }
};

TEST_F(Services, AreEnabledAsTheirLinksAndTheirInstallSectionSay) {
  link("/usr/lib", "/lib");
  unit("on.service");
  want("on.service");
  unit("runtime.service");
  want("runtime.service", "/run/systemd/system");
  unit("off.service");
  unit("static.service", "");
  want("static.service", "/usr/lib/systemd/system");
  unit("indirect.service", "[Install]\nAlso=on.service\n");
  unit("masked.service");
  link("/dev/null", "/etc/systemd/system/masked.service");
  write("/etc/systemd/system/empty.service", "");
  write("/opt/linked.service", "[Service]\nExecStart=/opt/x\n");
  link("/opt/linked.service", "/etc/systemd/system/linked.service");
  unit("real.service", "[Install]\nAlias=other.service\n");
  link("/usr/lib/systemd/system/real.service", "/etc/systemd/system/other.service");
  unit("tty@.service", "[Install]\nDefaultInstance=1\nWantedBy=x.target\n");
  link("/usr/lib/systemd/system/tty@.service",
       "/etc/systemd/system/getty.target.wants/tty@tty1.service");
  write("/run/systemd/transient/run-1.service", "[Service]\nExecStart=/bin/run\n");
  write("/run/systemd/generator.late/sysv.service", "[Service]\nExecStart=/etc/init.d/sysv\n");
  link("/none", "/etc/systemd/system/dangling.service");
  const Told answer = tell({"services"});
  EXPECT_EQ(answer.exit_code, 0);
  const std::pair<std::string, std::string> expected[] = {
      {"on", "enabled"},        {"runtime", "enabled-runtime"},
      {"off", "disabled"},      {"static", "static"},
      {"indirect", "indirect"}, {"masked", "masked"},
      {"empty", "masked"},      {"linked", "linked"},
      {"real", "enabled"},      {"other", "alias"},
      {"tty@", "enabled"},      {"tty@tty1", "enabled"},
      {"run-1", "transient"},   {"sysv", "generated"}};
  for (const auto& [name, state] : expected) {
    EXPECT_EQ(Told::of(answer.row("name", "\"" + name + ".service\""), "enabled"),
              "\"" + state + "\"")
        << name;
  }
  EXPECT_EQ(Told::of(answer.row("name", "\"dangling.service\""), "enabled"), "null");
  EXPECT_EQ(answer.rows.size(), std::size(expected) + 1) << "each once, /lib being /usr/lib";
}

TEST_F(Services, TellWhatTheyRunWithTheirDropIns) {
  unit("a.service");
  write("/etc/systemd/system/a.service.d/50-more.conf",
        "[Service]\nExecStart=\nExecStart=/bin/evil \\\n# a note\n  --now\nUser=nobody\n");
  const auto row = tell({"services"}).row("name", "\"a.service\"");
  EXPECT_EQ(Told::of(row, "exec"), "\"/bin/evil --now\"");
  EXPECT_EQ(Told::of(row, "user"), "\"nobody\"");
  EXPECT_EQ(Told::of(row, "drop_ins"), "[\"/etc/systemd/system/a.service.d/50-more.conf\"]");
  EXPECT_EQ(Told::of(row, "description"), "\"The a.service\"");
  EXPECT_EQ(Told::of(row, "path"), "\"/usr/lib/systemd/system/a.service\"");
  write("/etc/systemd/system/a.service", "[Service]\nExecStart=/bin/first\n");
  EXPECT_EQ(Told::of(tell({"services"}).row("name", "\"a.service\""), "path"),
            "\"/etc/systemd/system/a.service\"");
}

TEST_F(Services, RunWhenTheirControlGroupHasProcesses) {
  for (const char* name : {"up", "down", "nested", "inst@"}) {
    unit(std::string(name) + ".service");
  }
  EXPECT_EQ(Told::of(tell({"services"}).row("name", "\"up.service\""), "running"), "null");
  const std::string slice = "/sys/fs/cgroup/system.slice/";
  write(slice + "up.service/cgroup.events", "populated 1\nfrozen 0\n");
  write(slice + "down.service/cgroup.events", "populated 0\nfrozen 0\n");
  write(slice + "nested.service/cgroup.procs", "");  // as v1 has it
  write(slice + "nested.service/inner/cgroup.procs", "12\n");
  write(slice + "system-inst.slice/inst@7.service/cgroup.events", "populated 1\n");
  write(slice + "gone.service/cgroup.events", "populated 1\n");
  const Told answer = tell({"services"});
  const auto running = [&](const std::string& name) {
    return Told::of(answer.row("name", "\"" + name + ".service\""), "running");
  };
  EXPECT_EQ(running("up"), "true");
  EXPECT_EQ(running("down"), "false");
  EXPECT_EQ(running("nested"), "true");
  EXPECT_EQ(running("inst@7"), "true");
  EXPECT_EQ(running("inst@"), "false");
  EXPECT_EQ(running("gone"), "true");
  EXPECT_EQ(Told::of(answer.row("name", "\"gone.service\""), "path"), "null");
}

// Docker's groups without systemd, its scopes with it, and a machine of machinectl.
TEST_F(Services, OfContainersAreNotTheMachines) {
  unit("down.service");
  const std::string root = "/sys/fs/cgroup/";
  write(root + "system.slice/down.service/cgroup.events", "populated 0\n");
  for (const char* container : {"docker/0123/", "system.slice/docker-0123.scope/",
                                "machine.slice/machine-x.scope/payload/"}) {
    write(root + container + "system.slice/down.service/cgroup.events", "populated 1\n");
    write(root + container + "system.slice/theirs.service/cgroup.events", "populated 1\n");
  }
  const Told answer = tell({"services"});
  EXPECT_EQ(answer.all("name"), Texts{"\"down.service\""});
  EXPECT_EQ(answer.all("running"), Texts{"false"});
}

// What stands in the control groups is made by the kernel: here by another of its file systems.
TEST_F(Services, RunByWhatTheKernelSaysOfTheirControlGroup) {
  unit("up.service");
  const std::string procs = "/sys/fs/cgroup/system.slice/up.service/cgroup.procs";
  write(procs, "");
  const Child child = in_child(
      [&] {
        return leave_mounts() &&
               ::mount("/proc/self/limits", in(procs).c_str(), nullptr, MS_BIND, nullptr) == 0;
      },
      [this] {
        const Told answer = tell({"services"});
        return answer.all("running") == Texts{"true"} && answer.notes.empty();
      });
  if (child == Child::may_not) {
    GTEST_SKIP() << "may not mount here";
  }
  EXPECT_EQ(child, Child::held);
}

TEST_F(Services, HaveAsManyDropInsAsAreLookedAt) {
  unit("many.service");
  unit("large.service");
  unit("masked.service");
  for (int i = 0; i < 1002; ++i) {
    write("/etc/systemd/system/many.service.d/" + std::to_string(10'000 + i) + ".conf",
          "[Service]\nExecStart=\nExecStart=/bin/" + std::to_string(i) + "\n");
  }
  for (int i = 0; i < 6; ++i) {
    write("/etc/systemd/system/large.service.d/" + std::to_string(i) + ".conf",
          "[Service]\nUser=u" + std::to_string(i) + "\n" + std::string((1 << 20) - 18, '\n'));
  }
  write("/dev/null", "");
  link("/dev/null", "/etc/systemd/system/masked.service.d/no.conf");
  const Told answer = tell({"services"});
  const auto many = answer.row("name", "\"many.service\"");
  EXPECT_EQ(many.at("drop_ins").as_array().size(), 1000u);
  EXPECT_EQ(Told::of(many, "exec"), "\"/bin/999\"");
  const auto large = answer.row("name", "\"large.service\"");
  EXPECT_EQ(large.at("drop_ins").as_array().size(), 4u);
  EXPECT_EQ(Told::of(large, "user"), "\"u3\"");
  EXPECT_EQ(Told::of(answer.row("name", "\"masked.service\""), "drop_ins"), "[]");
  EXPECT_EQ(answer.notes,
            (Texts{"ReadFailed: large.service: only 4 of its drop-ins were looked at",
                   "ReadFailed: many.service: only 1000 of its drop-ins were looked at"}));
}

TEST_F(Services, BearHostileUnitFiles) {
  make_folder("/etc/systemd/system");
  ASSERT_EQ(::mkfifo(in("/etc/systemd/system/pipe.service").c_str(), 0600), 0);
  write("/etc/systemd/system/large.service",
        "[Service]\nExecStart=/bin/x\n" + std::string(2 << 20, '#'));
  write("/etc/systemd/system/\xff\n.service", "[Service]\nExecStart=/bin/\xfe\n");
  link("loop.service", "/etc/systemd/system/loop.service");
  const Told answer = tell({"services"});
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_EQ(answer.rows.size(), 4u);
  EXPECT_EQ(Told::of(answer.row("name", "\"large.service\""), "exec"), "\"/bin/x\"");
  const auto all = [&](std::string_view part) {
    return std::count_if(answer.notes.begin(), answer.notes.end(), [&](const std::string& note) {
      return note.find(part) != std::string::npos;
    });
  };
  EXPECT_GE(all("large.service: only the first 1048576 bytes were read"), 1);
  EXPECT_GE(all("pipe.service: is a pipe, no file"), 1);
}

class ScheduledTasks : public MadeUpSystem {
 protected:
  // source, schedule, user, command, path of every row.
  std::vector<Texts> tasks() const {
    std::vector<Texts> out;
    for (const auto& row : tell({"scheduledtasks"}).rows) {
      out.emplace_back();
      for (const char* name : {"source", "schedule", "user", "command", "path"}) {
        out.back().emplace_back(row.at(name).is_null() ? "null" : row.at(name).as_string());
      }
    }
    return out;
  }
};

TEST_F(ScheduledTasks, OfCronAndAnacron) {
  write("/etc/crontab",
        "# m h dom\nSHELL=/bin/sh\nMAILTO = \"\"\n17 *\t* * *  root  cd / && run-parts a=b\n"
        "@reboot www /bin/once\n\nnonsense\n");
  write("/etc/cron.d/job", "*/5 * * * * www /bin/five  minutes\n");
  write("/etc/cron.d/.placeholder", "# nothing\n");
  write("/var/spool/cron/crontabs/alice", "0 4 * * 1 /home/alice/x.sh\n@daily y\n");
  write("/etc/cron.daily/logs", "#!/bin/sh\n", 0755);
  write("/etc/cron.daily/README", "", 0644);
  write("/etc/anacrontab", "7 10 weekly.job run-parts /etc/cron.weekly\n@monthly 15 m.job m\n");
  const std::vector<Texts> expected = {
      {"crontab", "17 * * * *", "root", "cd / && run-parts a=b", "/etc/crontab:4"},
      {"crontab", "@reboot", "www", "/bin/once", "/etc/crontab:5"},
      {"cron.d", "*/5 * * * *", "www", "/bin/five  minutes", "/etc/cron.d/job:1"},
      {"user crontab", "0 4 * * 1", "alice", "/home/alice/x.sh",
       "/var/spool/cron/crontabs/alice:1"},
      {"user crontab", "@daily", "alice", "y", "/var/spool/cron/crontabs/alice:2"},
      {"cron.daily", "@daily", "root", "/etc/cron.daily/logs", "/etc/cron.daily/logs"},
      {"anacron", "every 7 days, after 10 minutes", "root", "run-parts /etc/cron.weekly",
       "/etc/anacrontab:1"},
      {"anacron", "@monthly, after 15 minutes", "root", "m", "/etc/anacrontab:2"}};
  EXPECT_EQ(tasks(), expected);
  EXPECT_EQ(tell({"scheduledtasks"}).notes,
            Texts{"ReadFailed: /etc/crontab:7: is no line of a crontab"});
}

TEST_F(ScheduledTasks, OfTimersAndAt) {
  write("/usr/lib/systemd/system/a.timer",
        "[Timer]\nOnCalendar=daily\nOnBootSec=5min\nOnClockChange=yes\n[Install]\nWantedBy=timers."
        "target\n");
  write("/usr/lib/systemd/system/a.service", "[Service]\nUser=backup\nExecStart=/bin/a\n");
  write("/etc/systemd/system/b.timer", "[Timer]\nOnCalendar=Mon 04:00\nUnit=c@x.service\n");
  write("/etc/systemd/system/c@.service", "[Service]\nExecStart=/bin/c %i\n");
  // 0x01c3a1f0 minutes after 1970.
  write("/var/spool/cron/atjobs/a0000101c3a1f0",
        "#!/bin/sh\n# atrun uid=0 gid=0\numask 22\nHOME=/root; export HOME\ncd /root || {\n\t "
        "echo 'inaccessible' >&2\n\t exit 1\n}\n/bin/evil --once\n");
  write("/var/spool/cron/atjobs/.SEQ", "1");
  const auto found = tasks();
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0], (Texts{"timer", "OnCalendar=daily; OnBootSec=5min; OnClockChange=yes",
                             "backup", "a.service", "/usr/lib/systemd/system/a.timer"}));
  EXPECT_EQ(found[1], (Texts{"timer", "OnCalendar=Mon 04:00", "root", "c@x.service",
                             "/etc/systemd/system/b.timer"}));
  EXPECT_EQ(found[2][0], "at");
  EXPECT_EQ(found[2][1], "2026-04-11T07:12:00Z");
  EXPECT_EQ(found[2][3], "/bin/evil --once");
  const Told answer = tell({"scheduledtasks"});
  EXPECT_EQ(answer.all("exec"), (Texts{"\"/bin/a\"", "\"/bin/c %i\"", ""}));
  EXPECT_EQ(answer.all("enabled"), (Texts{"\"disabled\"", "\"static\"", ""}));
}

}  // namespace
}  // namespace reachback::agent::builtin
