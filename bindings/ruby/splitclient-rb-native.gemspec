# frozen_string_literal: true

require_relative 'lib/splitclient-rb/version'

Gem::Specification.new do |spec|
  spec.name = 'splitclient-rb-native'
  spec.version = SplitIoClient::VERSION
  spec.authors = ['The libsplitio authors']
  spec.summary = "Split (Harness FME) feature flags by libsplitio, with the API of Split's own gem"
  spec.description = 'Takes the place of the gem splitclient-rb: the same classes and methods, on a native core.'
  spec.homepage = 'https://github.com/libsplitio/libsplitio'
  spec.license = 'Apache-2.0'
  spec.required_ruby_version = '>= 3.1'
  spec.metadata = {
    'bug_tracker_uri' => "#{spec.homepage}/issues",
    'changelog_uri' => "#{spec.homepage}/blob/main/CHANGELOG.md",
    'documentation_uri' => "#{spec.homepage}/tree/main/bindings/ruby",
    'source_code_uri' => "#{spec.homepage}/tree/main/bindings/ruby",
    'rubygems_mfa_required' => 'true'
  }
  # A gem for one platform has the library in lib/native, and the licences of what is in it: scripts/ruby-gem makes it.
  spec.platform = ENV.fetch('SPLITIO_GEM_PLATFORM', Gem::Platform::RUBY)
  spec.files = Dir.chdir(__dir__) do
    Dir['README.md', 'LICENSE', 'THIRD-PARTY.txt', 'lib/**/*.rb', 'lib/native/*', 'examples/*']
  end
  spec.add_dependency 'ffi', '~> 1.15'
end
