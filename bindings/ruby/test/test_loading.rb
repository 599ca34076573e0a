# frozen_string_literal: true

require_relative 'helper'

class TestLoading < Case
  def test_by_the_name_of_the_gem
    output, status = run_ruby("require 'splitclient-rb-native'; puts SplitIoClient::VERSION")
    assert_equal [true, "#{SplitIoClient::VERSION}\n"], [status.success?, output]
  end

  def test_a_library_that_is_not_there
    output, status = run_ruby("require 'splitclient-rb'", env: { 'SPLITIO_LIBRARY' => '/nonexistent/libsplitio.so' })
    refute_predicate status, :success?
    assert_match(%r{libsplitio cannot be loaded from "/nonexistent/libsplitio.so".*SPLITIO_LIBRARY}, output)
  end

  def test_a_library_that_is_older
    program = <<~'RUBY'
      require 'splitclient-rb/version'
      SplitIoClient.send(:remove_const, :VERSION)
      SplitIoClient::VERSION = '1.9.0'
      require 'splitclient-rb'
    RUBY
    output, status = run_ruby(program)
    refute_predicate status, :success?
    assert_match(/cannot serve splitclient-rb-native 1.9.0: it must be of the same major version/, output)
  end

  def test_together_with_the_official_gem
    program = <<~'RUBY'
      Gem.loaded_specs['splitclient-rb'] = Gem::Specification.new('splitclient-rb', '8.0.0')
      require 'splitclient-rb-native'
    RUBY
    output, status = run_ruby(program)
    refute_predicate status, :success?
    assert_match(/both provide SplitIoClient/, output)
  end

  # The versions of gem and library are the same.
  def test_the_version
    assert_includes File.read(File.join(ROOT, 'include/splitio.h')),
                    "#define SPLIT_VERSION \"#{SplitIoClient::VERSION}\""
  end

  def test_the_gem_has_its_files
    gem = Gem::Specification.load(File.expand_path('../splitclient-rb-native.gemspec', __dir__))
    assert_includes gem.files, 'lib/splitclient-rb.rb'
    assert_includes gem.files, 'LICENSE'
    assert_equal SplitIoClient::VERSION, gem.version.to_s
  end
end
