// Several regions open at once, to be looked at side by side. What is said of one of them reaches
// the records as that region's.

#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "tools/common/run_tool.h"

namespace region_tools {

class RegionsSideBySide {
 public:
  // What a path names that is no region's directory; nullopt where it is left to open_region.
  using OpenOther = std::function<std::optional<libregion::Region>(const std::string& path)>;

  // Opens the regions and begins each. One that cannot be opened, or that `accept` throws Error
  // for, is reported and left out.
  RegionsSideBySide(Session& session, const std::vector<std::string>& paths,
                    const libregion::UseOptions& use,
                    const std::function<void(const libregion::Region&)>& accept,
                    const OpenOther& open_other = {});

  [[nodiscard]] std::size_t size() const { return regions_.size(); }
  [[nodiscard]] const libregion::Region& region(std::size_t index) const {
    return regions_[index]->region;
  }
  [[nodiscard]] libregion::Reporter& reporter(std::size_t index) { return *regions_[index]; }

  // The most serious exit code of those that were left out.
  [[nodiscard]] ExitCode exit_code() const { return exit_code_; }
  // What was counted of a region up to now.
  [[nodiscard]] const FindingCounts& counts(std::size_t index);
  void end(std::size_t index, const Fields& fields, const std::string& text);

 private:
  class OneRegion : public libregion::Reporter {
   public:
    OneRegion(RegionsSideBySide& owner, libregion::Region opened)
        : region(std::move(opened)), owner_(owner) {}
    void extent(const libregion::ExtentRecord& record) override { turn().extent(record); }
    void finding(const libregion::Finding& finding) override { turn().finding(finding); }

    libregion::Region region;
    FindingCounts counts;  // up to where another region had its turn

   private:
    libregion::Reporter& turn() {
      owner_.turn_to(this);
      return owner_.session_.reporter();
    }
    RegionsSideBySide& owner_;
  };

  void open(const std::string& path, const libregion::UseOptions& use,
            const std::function<void(const libregion::Region&)>& accept,
            const OpenOther& open_other);
  // To none where `region` is nullptr.
  void turn_to(OneRegion* region);

  Session& session_;
  std::vector<std::unique_ptr<OneRegion>> regions_;
  OneRegion* current_ = nullptr;
  ExitCode exit_code_ = ExitCode::done;
};

// Replicas have one geometry: the first one's, which is kept in `first`. Throws Error (usage).
void require_same_geometry(const libregion::Region& region,
                           std::optional<libregion::Geometry>& first);

}  // namespace region_tools
