# frozen_string_literal: true

require 'ffi'
require_relative 'version'

module SplitIoClient
  # Finds and loads the native library. SPLITIO_LIBRARY names a file; else the one inside the gem; else the system's.
  # What is loaded must be of the same major version as this gem, and not older.
  # @private
  module Library
    INSIDE = File.expand_path('../native', __dir__)

    class << self
      # @return [Module] a module that has the functions of the library, once they are attached
      def load_into(functions)
        refuse_the_official_gem
        functions.extend(FFI::Library)
        file = path
        open_library(functions, file)
        check(functions, file)
      end

      # @return [String] the file to load, or the name that the system's loader searches
      def path
        named = ENV.fetch('SPLITIO_LIBRARY', '')
        return named unless named.empty?

        inside = File.join(INSIDE, file_name)
        File.exist?(inside) ? inside : file_name
      end

      # @return [Integer] a version as SPLIT_VERSION_NUMBER of splitio.h counts
      def version_number(version)
        major, minor, patch = version.split('.').map(&:to_i)
        (major * 1_000_000) + (minor * 1000) + patch
      end

      private

      def file_name
        return 'splitio.dll' if FFI::Platform.windows?

        FFI::Platform.mac? ? 'libsplitio.1.dylib' : 'libsplitio.so.1'
      end

      # Both gems have the same files and classes: where both are installed, Ruby would mix them.
      def refuse_the_official_gem
        return unless Gem.loaded_specs.key?('splitclient-rb')

        raise LoadError, 'splitclient-rb and splitclient-rb-native are both loaded, and both provide SplitIoClient. ' \
                         'Keep one of them in the Gemfile.'
      end

      def open_library(functions, file)
        functions.ffi_lib(file)
      rescue LoadError => e
        raise LoadError, "libsplitio cannot be loaded from #{file.inspect}: #{e.message}. Install the gem for this " \
                         'platform, install the library for the system, or set SPLITIO_LIBRARY to its file.'
      end

      def check(functions, file)
        functions.attach_function(:split_version, [], :string)
        functions.attach_function(:split_version_check, [:uint32], :int32)
        return if functions.split_version_check(version_number(VERSION)).zero?

        raise LoadError, "libsplitio #{functions.split_version} from #{file.inspect} cannot serve " \
                         "splitclient-rb-native #{VERSION}: it must be of the same major version, and not older."
      end
    end
  end
end
